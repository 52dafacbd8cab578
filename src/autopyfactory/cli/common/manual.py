"""The help of a verb: what it does, examples, exit status."""

import inspect
from collections.abc import Callable, Mapping, Sequence

from rich.markup import escape

EXIT_OK, EXIT_FAILURE, EXIT_USAGE = 0, 1, 2
EXITS: Mapping[int, str] = {
    EXIT_OK: "all went well",
    EXIT_FAILURE: "it failed; stderr says why and what to do",
    EXIT_USAGE: "wrong usage or configuration; every problem is listed on stderr",
}


def manual(
    verb: Callable[..., object], examples: Sequence[str], exits: Mapping[int, str] | None = None
) -> str:
    """Return a verb's help: its docstring, then examples, then the exit statuses.

    ``exits`` replaces the usual meaning of the statuses that it names.
    """
    paragraphs = [_unwrapped(text) for text in inspect.cleandoc(verb.__doc__ or "").split("\n\n")]
    statuses = {**EXITS, **(exits or {})}
    sections = [
        *paragraphs,
        "\n".join(["Examples:", *[f"  $ {example}" for example in examples]]),
        "\n".join(["Exit status:", *[f"  {status}  {why}" for status, why in sorted(statuses.items())]]),
    ]
    return escape("\n\n".join(sections))


def _unwrapped(paragraph: str) -> str:
    """Join the lines of prose, so that it fits any terminal; indented lines stay as they are."""
    lines = paragraph.splitlines()
    if any(line.startswith(" ") for line in lines):
        return paragraph
    return " ".join(lines)
