"""``apf init``: write a commented starter configuration."""

from pathlib import Path
from typing import Annotated

import typer

from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.output import note
from autopyfactory.config import starter

FILE_NAME = "apf.toml"
EXAMPLES = ("apf init", "apf init /etc/autopyfactory")


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write it; made where it is missing.")
    ] = Path(),
) -> None:
    """Write a commented starter configuration, apf.toml, that can be run as it is.

    It serves one queue of the built-in board ("apf board serve") with pilots that are processes on this
    machine.  A file that is there already is never overwritten.
    """
    file = directory / FILE_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(starter())
    except FileExistsError as error:
        raise UsageProblem(f"{file} is there already; remove it first, or name another directory") from error
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(file)
    note(f"next: apf board serve &  apf check --config {file}  apf run --config {file}")
