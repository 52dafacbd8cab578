"""``apf pilots``: list pilots, or tell the life of one."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from autopyfactory.api import PilotFilter, Store, StoredTransition, SystemClock
from autopyfactory.cli.common.ages import ago, duration, parse_duration
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Column, number, out, print_json, say, table
from autopyfactory.cli.common.pilots import known_pilot, pilot_id
from autopyfactory.cli.common.stores import with_store
from autopyfactory.model import Pilot, PilotId, PilotState, QueueName

EXAMPLES = (
    "apf pilots",
    "apf pilots --queue AGLT2_MCORE --state failed --state lost --limit 20",
    "apf pilots --older-than 8d",
    "apf pilots 01KDZJ5Q8R5V6M2W7X9Y0Z1A2B",
    "apf pilots --json | jq -r '.pilots[].id'",
)


def pilots(
    pilot: Annotated[
        str | None,
        typer.Argument(
            metavar="PILOT", help="Id of one pilot, whose whole life is told.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    queue: Annotated[
        str | None, typer.Option("--queue", "-q", help="Only pilots of this factory queue.")
    ] = None,
    state: Annotated[
        list[PilotState] | None,
        typer.Option("--state", "-s", help="Only pilots in this state; may be given several times."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    after: Annotated[
        str | None,
        typer.Option(metavar="PILOT", help="Go on after this pilot: the last one of the page before."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only live pilots that have run, or else waited, for longer: 90min, 12h, 8d.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List pilots, the newest first, or tell the life of one of them.

    With --older-than: those that may be stuck, the oldest first.  With a pilot's id: every change of its
    state, when and why, with its host, exit code and time on the node.  "apf logs PILOT" prints what it
    wrote.
    """
    loaded = load_config(config)
    if pilot is not None:
        told, life = with_store(loaded, lambda store: _life(store, pilot_id(pilot)))
        _tell(told, life, as_json=as_json)
        return
    which = PilotFilter(
        queue=QueueName(queue) if queue else None,
        states=frozenset(state or ()),
        limit=limit,
        after=pilot_id(after) if after else None,
    )
    if older_than is not None:
        if after is not None:
            raise UsageProblem("--older-than and --after exclude each other")
        before = SystemClock().now() - _age(older_than)
        found = with_store(loaded, lambda store: _old(store, which, before))
        more = f"the oldest {limit}; name a --queue"
    else:
        found = with_store(loaded, lambda store: store.pilots(which))
        more = f"the newest {limit}; go on with --after {found[-1].id}" if found else ""
    if as_json:
        print_json({"pilots": found})
    else:
        _list(found, limit, more)


def _age(text: str) -> timedelta:
    try:
        return timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError) as error:
        raise UsageProblem(f"--older-than: {error}") from error


async def _old(store: Store, which: PilotFilter, before: datetime) -> list[Pilot]:
    """Return live pilots that run, or wait, since before a time; the oldest first."""
    old = [
        pilot
        for pilot in await store.live()
        if (pilot.started_at or pilot.planned_at) < before
        and which.queue in (None, pilot.queue)
        and (not which.states or pilot.state in which.states)
    ]
    return old[: which.limit]


async def _life(store: Store, pilot: PilotId) -> tuple[Pilot, list[StoredTransition]]:
    return await known_pilot(store, pilot), await store.transitions(pilot)


def _list(found: list[Pilot], limit: int, more: str) -> None:
    """Show pilots; ``more`` is said where there may be others."""
    now = SystemClock().now()
    out().print(
        table(
            [Column("pilot", whole=True), Column("queue"), Column("state"), Column("since", whole=True),
             Column("host"), number("exit"), Column("reason")],
            [
                (
                    item.id,
                    item.queue,
                    _state(item),
                    ago(item.changed_at, now),
                    item.host,
                    _exit(item),
                    item.reason,
                )
                for item in found
            ],
        )
    )  # fmt: skip
    if len(found) == limit:
        say(f"{more}, or raise --limit", style="dim")


def _tell(pilot: Pilot, life: list[StoredTransition], *, as_json: bool) -> None:
    if as_json:
        print_json({"pilot": pilot, "transitions": life})
        return
    facts = {
        "queue": pilot.queue,
        "endpoint": f"batch.{pilot.endpoint}",
        "batch id": pilot.batch_id or "not confirmed",
        "state": _state(pilot),
        "host": pilot.host,
        "exit": _exit(pilot),
        "time on the node": "" if pilot.wall_s is None else duration(pilot.wall_s),
        "reason": pilot.reason,
    }
    say(pilot.id, style="bold")
    out().print(
        table([Column("fact"), Column("value")], [(key, text) for key, text in facts.items() if text]),
        table(
            [Column("at (UTC)", whole=True), number("after"), Column("state"), Column("reason")],
            [
                (
                    f"{step.at:%Y-%m-%d %H:%M:%S}",
                    _elapsed(life[0].at, step.at),
                    f"{step.before} → {step.after}" if step.before else str(step.after),
                    step.reason,
                )
                for step in life
            ],
            title="Its life",
        ),
    )


def _state(pilot: Pilot) -> str:
    if pilot.retiring and pilot.state.is_live:
        return f"{pilot.state}, ending"
    return f"{pilot.state}, empty" if pilot.empty else str(pilot.state)


def _exit(pilot: Pilot) -> str:
    if pilot.signal is not None:
        return f"signal {pilot.signal}"
    return "" if pilot.exit_code is None else str(pilot.exit_code)


def _elapsed(start: datetime, at: datetime) -> str:
    return f"+{(at - start).total_seconds():.1f} s"
