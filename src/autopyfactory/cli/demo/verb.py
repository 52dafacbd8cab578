"""``apf demo``: everything at once, with real work, and an end."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from autopyfactory.cli.common.logging_setup import LogFormat, LogLevel, set_up_logging
from autopyfactory.cli.common.manual import EXIT_FAILURE, EXIT_OK
from autopyfactory.cli.common.options import JsonOption
from autopyfactory.cli.common.output import print_json

EXAMPLES = (
    "apf demo",
    "apf demo --jobs 200 --slots 16 --dir /tmp/demo",
    "apf demo --jobs 60 --slots 8 --json | jq .pilots",
)
EXITS = {
    EXIT_OK: "all jobs finished, and their merged result is right",
    EXIT_FAILURE: "a job failed, the result is wrong, it took too long, or it was interrupted",
}


def demo(
    jobs: Annotated[int, typer.Option(min=1, max=100_000, help="Payloads to submit.")] = 60,
    slots: Annotated[int, typer.Option(min=1, max=1000, help="Pilots that can run at once.")] = 8,
    points: Annotated[int, typer.Option(min=1, help="Random points that each payload throws.")] = 5_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first payload; the next ones count on.")] = 1,
    directory: Annotated[
        Path,
        typer.Option(
            "--dir", metavar="DIR", help="Folder for all that it makes; emptied of an earlier demo."
        ),
    ] = Path("demo"),
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Give up, and cancel all pilots, after so long.")
    ] = 600.0,
    as_json: JsonOption = False,
) -> None:
    """Run a board, a factory and pilots on this machine, with real payloads, until all is done.

    The payloads estimate pi by throwing random points.  Their results are merged and checked: against pi
    within five standard deviations, and one of them by doing it again, exactly.  It ends by itself with a
    summary and a picture of jobs and pilots over time.

    Meanwhile a dashboard shows all of it; its URL is printed at the start.

    Everything lies in one folder, with the configuration that was used: "apf status -c demo/apf.toml" and
    "apf explain demo -c demo/apf.toml" work during the demo and afterwards.
    """
    # here, since the board, the store and the charts cost a second that "apf --help" need not wait for
    from autopyfactory.cli.demo.progress import LiveProgress
    from autopyfactory.cli.demo.setting import fresh
    from autopyfactory.cli.demo.summary import picture, show, summarise
    from autopyfactory.cli.demo.world import Plan, play

    plan = Plan(jobs, slots, seed, points, timeout)
    with fresh(directory) as setting:
        set_up_logging(LogLevel.INFO, LogFormat.TEXT, setting.log)
        with LiveProgress(jobs, slots) as progress:
            outcome = asyncio.run(play(plan, setting, progress.show))
        summary = summarise(plan, setting, outcome)
        picture(plan, setting, outcome, summary)
    if as_json:
        print_json(summary.document())
    else:
        show(summary)
    if not summary.is_good:
        raise typer.Exit(EXIT_FAILURE)
