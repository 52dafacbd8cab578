"""Writes docs/reference/cli.md from the command line itself: ``python -m autopyfactory.cli.reference``."""

import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, get_args, get_type_hints

import typer
from rich.text import Text
from typer.main import get_command

from autopyfactory.cli.app import app

_HEAD = """\
# The command line

Made from the command line itself by `python -m autopyfactory.cli.reference`; do not edit it by hand.

Results go to stdout, messages and progress to stderr.  Verbs that print a table take `--json`: then stdout
holds exactly one JSON document.  A number that nobody knows is `?` in tables and `null` in documents,
never 0.

Without `--config` the configuration is `./apf.toml`, or else `/etc/autopyfactory`.

Tables obey `NO_COLOR` and the width of the terminal.  `apf --install-completion` completes verbs and options
in the shell.
"""


def reference() -> str:
    """Return the whole page."""
    root = get_command(app)
    return "\n".join([_HEAD, *(line for path, verb in verbs(root, "apf") for line in _chapter(path, verb))])


def verbs(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Return every verb below a group with its full name; the group itself comes first."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from verbs(command, f"{path} {name}")


def _chapter(path: str, verb: Any) -> Iterator[str]:
    yield f"## {path}\n"
    for paragraph in Text.from_markup(verb.help or "").plain.strip().split("\n\n"):
        yield f"{_paragraph(paragraph)}\n"
    hints = get_type_hints(verb.callback) if verb.callback else {}
    rows = [
        _row(parameter, _choices(hints.get(parameter.name)))
        for parameter in verb.params
        if "--help" not in parameter.opts
    ]
    if rows:
        yield "| argument or option | meaning | default |\n|---|---|---|"
        yield from rows
        yield ""


def _paragraph(text: str) -> str:
    title, *lines = text.splitlines()
    if title not in ("Examples:", "Exit status:"):
        return " ".join(text.split())
    indent = "\n".join(line.removeprefix("  ") for line in lines)
    return f"{title}\n\n```\n{indent}\n```"


def _row(parameter: Any, choices: Sequence[str]) -> str:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    meaning = (parameter.help or "").replace("|", "\\|")
    if parameter.envvar:
        meaning += f"  Environment: `{parameter.envvar}`."
    if choices:
        meaning += f"  One of {', '.join(f'`{choice}`' for choice in choices)}."
    return f"| {names} | {meaning} | {_default(parameter)} |"


def _choices(hint: Any) -> list[str]:
    """Return the words that a parameter takes: those of the enum in its type, if there is one."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    return [word for part in get_args(hint) for word in _choices(part)]


def _default(parameter: Any) -> str:
    default = parameter.default
    if parameter.required:
        return "required"
    if default is None or callable(default) or getattr(parameter, "is_flag", False):
        return ""
    return f"`{getattr(default, 'value', default)}`"


if __name__ == "__main__":
    typer.echo(reference(), file=sys.stdout, nl=False)
