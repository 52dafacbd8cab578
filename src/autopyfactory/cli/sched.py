"""``apf sched``: run a chain of rules on numbers that are typed in."""

import os
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.configuration import config_paths, no_such_queue
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import out, print_json, say
from autopyfactory.cli.common.steps import steps_document, steps_table
from autopyfactory.config import load_chains
from autopyfactory.model import History, JobCounts, PilotCounts, QueueName, QueueState, SiteStatus
from autopyfactory.sched.chain import run_chain
from autopyfactory.sched.message import apf2_message

_KNOWN_FOR = timedelta(days=30)

EXAMPLES = (
    "apf sched --config queues.toml --ready 100 --pending 10 --running 8 --status online",
    "apf sched --queue AGLT2_MCORE --ready 100 --pending 10 --json",
    "apf sched --queue AGLT2_MCORE --unknown",
)


def sched(
    config: ConfigOption = None,
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue", "-q", help="Factory queue whose chain is run; may be left out where there is only one."
        ),
    ] = None,
    ready: Annotated[int, typer.Option(min=0, help="Jobs of the WMS queue that are ready.")] = 0,
    notready: Annotated[int, typer.Option(min=0, help="Jobs that are not ready yet.")] = 0,
    jobs_running: Annotated[int, typer.Option("--jobs-running", min=0, help="Jobs that run.")] = 0,
    pending: Annotated[int, typer.Option(min=0, help="Pilots of the queue that wait.")] = 0,
    running: Annotated[int, typer.Option(min=0, help="Pilots of the queue that run.")] = 0,
    status: Annotated[SiteStatus, typer.Option(help="Status of the site.")] = SiteStatus.ONLINE,
    factory_total: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Pilots of all queues that wait or run; left out: those of this queue.",
            show_default=False,
        ),
    ] = None,
    unknown: Annotated[
        bool,
        typer.Option(
            "--unknown", help="The WMS does not answer: its numbers are unknown, which is not zero."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a chain of rules on numbers that you type in, and show what each rule makes of them.

    It needs a configuration that holds a queue with a chain, and nothing else: no factory, no endpoints,
    no store.  Nothing is submitted.  Rules that look at the past see a queue on which nothing ever failed.
    """
    chains = load_chains(config_paths(config), os.environ)
    name = _chosen(queue, chains)
    now = SystemClock().now()
    state = QueueState(
        name=name,
        observed_at=now,
        jobs=JobCounts() if unknown else JobCounts(notready, ready, jobs_running, 0, 0),
        pilots=PilotCounts(pending=pending, running=running),
        site_status=status,
        factory_total=pending + running if factory_total is None else factory_total,
        history=History(since=now - _KNOWN_FOR),
    )
    decision = run_chain(chains[name], state)
    message = apf2_message(decision)
    if as_json:
        print_json({"queue": name} | steps_document(decision) | {"message": message})
        return
    out().print(steps_table(decision))
    say(f"{name}: submit {decision.submit}, retire {decision.retire}", style="bold")
    say(message, style="dim", in_one_line=True)


def _chosen(queue: str | None, known: Collection[QueueName]) -> QueueName:
    if queue is None:
        if len(known) == 1:
            return next(iter(known))
        raise UsageProblem(
            f"there are {len(known)} queues; choose one with --queue: {', '.join(sorted(known))}"
        )
    if queue not in known:
        raise no_such_queue(queue, known)
    return QueueName(queue)
