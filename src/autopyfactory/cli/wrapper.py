"""``apf wrapper``: what runs on worker nodes, as one file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from autopyfactory.bundle import wrapper_bytes, write_executable
from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.output import say

ABOUT = "What runs on worker nodes: the wrapper, as one file."
BUILD_EXAMPLES = (
    "apf wrapper build",
    "apf wrapper build -o /srv/www/wrapper",
    "apf wrapper build -o - | sha256sum",
)
_NAME = "wrapper"


def build(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is stdout.")
    ] = Path(_NAME),
) -> None:
    """Write the wrapper as one executable file.

    A factory does this by itself for "builtin:wrapper"; this is for those who hand it out in another way.
    The file needs a POSIX shell and a Python >= 3.6 on the node, and nothing else.  The same version gives
    the same bytes everywhere.
    """
    content = wrapper_bytes()
    if str(output) == "-":
        if sys.stdout.isatty():
            raise UsageProblem("-o - would write an archive to the terminal; name a file, or a pipe")
        sys.stdout.buffer.write(content)
        return
    if output.is_dir():
        output /= _NAME
    try:
        write_executable(output, content)
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}") from error
    say(f"wrote {output}, {len(content)} bytes")
