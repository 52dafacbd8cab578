"""``apf logs grep``: search what pilots wrote."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.manual import EXIT_FAILURE
from autopyfactory.cli.common.options import ConfigOption
from autopyfactory.cli.common.output import note
from autopyfactory.cli.logs import Part
from autopyfactory.model import QueueName, log_folder

EXAMPLES = (
    'apf logs grep "No space left"',
    "apf logs grep -i 'segfault|killed' --queue AGLT2 --days 3",
)
EXITS = {EXIT_FAILURE: "no line matches, or it failed; stderr says why"}

_LINE = 64 * 1024
"""Longer lines are searched in pieces: some logs have none but one."""
_SHOWN = 500


def grep(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="Regular expression.")],
    config: ConfigOption = None,
    queue: Annotated[
        str | None, typer.Option("--queue", "-q", metavar="QUEUE", help="Only this queue.")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=3650, metavar="N", help="How far back, today included.")
    ] = 1,
    part: Annotated[
        list[Part] | None, typer.Option("--part", help="Only out, err or log; left out: all.")
    ] = None,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", "-i", help="Capitals do not matter.")] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="End after that many lines.")] = 1000,
) -> None:
    """Search what pilots wrote, newest days first, and print each line that matches with its file and number.

    Files are read once, line by line, and nothing is kept of them: logs may be larger than the memory.
    """
    try:
        wanted = re.compile(pattern.encode(), re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise UsageProblem(f'"{pattern}" is no regular expression: {error}') from error
    log_dir = load_config(config).factory.log_dir
    suffixes = {f".{each}" for each in part or Part}
    today = SystemClock().now().date()
    found = 0
    for file in _files(log_dir, [today - timedelta(days=n) for n in range(days)], queue, suffixes):
        for number, line in _matches(file, wanted):
            typer.echo(f"{file}:{number}: {line}")
            found += 1
            if found >= limit:
                note(f"{limit} lines match, and there may be more: see --limit")
                return
    if not found:
        raise typer.Exit(EXIT_FAILURE)


def _files(log_dir: Path, days: list[date], queue: str | None, suffixes: set[str]) -> Iterator[Path]:
    for day in days:
        at = datetime.combine(day, time(), UTC)
        root = log_dir / (log_folder(at, QueueName(queue)) if queue else day.isoformat())
        for folder, inner, names in os.walk(root):
            inner.sort()
            yield from (Path(folder, name) for name in sorted(names) if Path(name).suffix in suffixes)


def _matches(file: Path, wanted: re.Pattern[bytes]) -> Iterator[tuple[int, str]]:
    try:
        with file.open("rb") as stream:
            number = 1
            while line := stream.readline(_LINE):
                if wanted.search(line):
                    yield number, line.decode("utf-8", "replace").rstrip()[:_SHOWN]
                number += line.endswith(b"\n")
    except OSError as error:  # cleaned up meanwhile, or another user's
        note(f"{file} cannot be read: {error.strerror}")
