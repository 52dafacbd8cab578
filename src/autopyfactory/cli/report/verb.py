"""The verb ``apf report``."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.ages import parse_duration
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.manual import EXIT_FAILURE
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Column, note, number, out, print_json, say, table
from autopyfactory.cli.common.stores import with_store
from autopyfactory.cli.report.content import Report, document, figures, read
from autopyfactory.model import QueueName

EXAMPLES = (
    "apf report",
    "apf report AGLT2 --since 7d --html aglt2.html",
    "apf report --since 30d --png factory.png",
    "apf report AGLT2 --json | jq '.series[].running'",
)
EXITS = {EXIT_FAILURE: "nothing is known of that time, or it failed; stderr says why"}

_LONGEST = timedelta(days=3653)


def report(
    queue: Annotated[
        str | None,
        typer.Argument(metavar="[QUEUE]", help="Name of a factory queue; left out: the whole factory."),
    ] = None,
    config: ConfigOption = None,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 90min, 24h or 30d.")] = "24h",
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it into a PNG file.", show_default=False)
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it into an SVG file.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page that works without a network.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a queue, or the whole factory, did over a time: as a table, a picture, a page or JSON.

    The table counts the pilots that ended by what became of them.  The shares are of those that a batch
    system had accepted; "failed" and "lost" make the failure share.  "hours of work" are those of pilots that
    ended well and were not empty.

    A picture shows over time what waited, ran, was submitted and ended.  The factory need not run.
    """
    loaded, window = load_config(config), _window(since)
    name = QueueName(queue) if queue is not None else None
    told = with_store(loaded, lambda store: read(store, loaded, name, window, SystemClock().now()))
    for kind, file in (("png", png), ("svg", svg), ("html", html)):
        if file is not None:
            _write(told, kind, file)
    if as_json:
        print_json(document(told))
    else:
        say(f"{told.title}, {told.subtitle}")
        out().print(table([Column("figure"), number("value")], figures(told.times)))


def _window(text: str) -> timedelta:
    try:
        window = timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError) as error:
        raise UsageProblem(f"--since: {error}") from error
    if not timedelta(0) < window < _LONGEST:
        raise UsageProblem(f"--since: expected more than nothing and less than ten years, got {text}")
    return window


def _write(told: Report, kind: str, file: Path) -> None:
    # here, since it costs time that "apf --help" need not wait for
    from autopyfactory.cli.report.pictures import DRAWN

    content = DRAWN[kind](told)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
    note(f"written: {file}")
