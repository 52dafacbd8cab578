"""``apf logs``: what a pilot wrote."""

import shutil
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.options import ConfigOption
from autopyfactory.cli.common.pilots import known_pilot, pilot_id
from autopyfactory.cli.common.stores import with_store
from autopyfactory.cli.common.tails import seek_lines
from autopyfactory.config import Config
from autopyfactory.model import Pilot, PilotId, log_folder

ABOUT = "What pilots wrote; apf logs PILOT prints it."
EXAMPLES = (
    "apf logs show 01KDZJ5Q8R5V6M2W7X9Y0Z1A2B",
    "apf logs 01KDZJ5Q8R5V6M2W7X9Y0Z1A2B --err",
    "apf logs 01KDZJ5Q8R5V6M2W7X9Y0Z1A2B --lines 20 --follow",
)
_PAUSE_S = 0.5
_ASK_EVERY = 10
"""The store is asked whether the pilot lives only so many pauses apart."""


class Part(StrEnum):
    """The files of a pilot, by their suffix."""

    OUT = "out"
    ERR = "err"
    LOG = "log"


def logs(
    pilot: Annotated[str, typer.Argument(metavar="PILOT", help="Id of a pilot.")],
    config: ConfigOption = None,
    err: Annotated[bool, typer.Option("--err", help="Its standard error.")] = False,
    log: Annotated[bool, typer.Option("--log", help="The batch system's log of it.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as it grows, until the pilot has ended or Ctrl-C.")
    ] = False,
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", min=0, metavar="N", help="Begin with the last N lines.", show_default=False
        ),
    ] = None,
    path: Annotated[
        bool, typer.Option("--path", help="Print the file's name instead of what is in it.")
    ] = False,
) -> None:
    """Print what a pilot wrote: its standard output, its standard error, or the batch system's log of it.

    The files lie in "[factory] log_dir", under the day and the queue.  Some batch systems bring them back
    only when the pilot has ended.  With --lines a large file is read no further than needed.
    """
    if err and log:
        raise UsageProblem("--err and --log exclude each other")
    part = Part.ERR if err else Part.LOG if log else Part.OUT
    loaded = load_config(config)
    wanted = pilot_id(pilot)
    found = with_store(loaded, lambda store: known_pilot(store, wanted))
    file = log_file(loaded, found, part)
    if path:
        typer.echo(file)
        return
    try:
        with file.open("rb") as stream:
            if lines is not None:
                seek_lines(stream, lines)
            _copy(stream)
            if follow:
                _follow(stream, loaded, found)
    except FileNotFoundError as error:
        raise Failure(f"{file} does not exist: {_absence(found)}") from error
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error


def log_file(config: Config, pilot: Pilot, part: Part) -> Path:
    """Return where a pilot's file lies; raises `Failure` for a pilot that never was in a batch system."""
    if pilot.batch_id is None:
        raise Failure(f"pilot {pilot.id} has no files: the batch system never confirmed it ({pilot.state})")
    folder = config.factory.log_dir / log_folder(pilot.planned_at, pilot.queue)
    return folder / f"{pilot.batch_id}.{part}"


def _copy(stream: IO[bytes]) -> None:
    # bytes, in pieces: a log may be a gigabyte, and need not be text
    shutil.copyfileobj(stream, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _follow(stream: IO[bytes], config: Config, pilot: Pilot) -> None:
    try:
        while _lives(config, pilot.id):
            for _ in range(_ASK_EVERY):
                _copy(stream)
                time.sleep(_PAUSE_S)
        _copy(stream)
    except KeyboardInterrupt:
        return


def _lives(config: Config, pilot: PilotId) -> bool:
    return with_store(config, lambda store: known_pilot(store, pilot)).state.is_live


def _absence(pilot: Pilot) -> str:
    if pilot.state.is_live:
        return f"the pilot is {pilot.state}, and has written nothing yet or elsewhere"
    return "it was cleaned up, was never brought back, or lies on another machine"
