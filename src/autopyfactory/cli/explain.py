"""``apf explain``: why this number."""

from datetime import datetime
from typing import Annotated

import typer

from autopyfactory.api import Store, SystemClock
from autopyfactory.cli.common.ages import age, ago, seconds_since
from autopyfactory.cli.common.configuration import load_config, no_such_queue
from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.options import ConfigOption, JsonOption, QueueArgument
from autopyfactory.cli.common.output import Cell, Column, number, out, print_json, say, table
from autopyfactory.cli.common.steps import deciding_reason, steps_table
from autopyfactory.cli.common.stores import with_store
from autopyfactory.config import Config
from autopyfactory.model import CycleRecord, QueueName, QueueState

EXAMPLES = (
    "apf explain AGLT2_MCORE",
    "apf explain AGLT2_MCORE --last 20",
    "apf explain AGLT2_MCORE --cycle 4711 --json",
)


def explain(
    queue: QueueArgument,
    config: ConfigOption = None,
    cycle: Annotated[
        int | None, typer.Option(min=1, metavar="ID", help="Of this cycle; left out: of the newest.")
    ] = None,
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="List the newest N cycles instead, with their ids.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell why a queue got the number of pilots that it got.

    For one cycle: what was known and how old each input was, every rule with the number before and after
    it and its reason, what was decided, and what was sent.  Cycles are kept for
    "[factory] keep_cycles_days".
    """
    loaded = load_config(config)
    name = QueueName(queue)
    now = SystemClock().now()
    if last is not None:
        _list(with_store(loaded, lambda store: _cycles(store, loaded, name, last)), now, as_json=as_json)
        return
    record = with_store(loaded, lambda store: _cycle(store, loaded, name, cycle))
    if as_json:
        print_json(cycle_document(record, now))
    else:
        _tell(record, now)


async def _cycle(store: Store, config: Config, queue: QueueName, cycle: int | None) -> CycleRecord:
    record = await store.cycle(queue, cycle)
    if record is not None:
        return record
    await _complain_if_unknown(store, config, queue)
    if cycle is None:
        raise Failure(f'queue {queue} had no cycle yet; "apf run --dry-run" makes one that sends nothing')
    raise Failure(f'queue {queue} has no cycle {cycle}: "apf explain {queue} --last 20" lists what is kept')


async def _cycles(store: Store, config: Config, queue: QueueName, limit: int) -> list[CycleRecord]:
    records = await store.cycles(queue, limit)
    if not records:
        await _complain_if_unknown(store, config, queue)
    return records


async def _complain_if_unknown(store: Store, config: Config, queue: QueueName) -> None:
    known = {*config.queues, *await store.latest()}
    if queue not in known:
        raise no_such_queue(queue, known)


def cycle_document(record: CycleRecord, now: datetime) -> dict[str, object]:
    """Return one cycle as ``--json`` prints it."""
    decision = record.decision
    return {
        "queue": record.queue,
        "cycle": record.id,
        "at": record.at,
        "age_s": seconds_since(record.at, now),
        "inputs": record.inputs,
        "state": {
            "jobs": record.state.jobs,
            "pilots": record.state.pilots,
            "site_status": record.state.site_status,
            "factory_total": record.state.factory_total,
        },
        "steps": [
            {"rule": step.rule, "in": step.before, "out": step.after, "why": step.why, "facts": step.facts}
            for step in decision.reasons
        ],
        "blocked": decision.blocked,
        "submit": decision.submit,
        "retire": decision.retire,
        "planned": record.planned,
        "note": record.note,
    }


def _tell(record: CycleRecord, now: datetime) -> None:
    say(
        f"{record.queue}: cycle {record.id} of {record.at:%Y-%m-%d %H:%M:%S} UTC, {ago(record.at, now)}",
        style="bold",
    )
    out().print(
        table(
            [Column("input"), Column("age at the cycle"), Column("trouble")],
            [(item.endpoint, age(item.age_s), item.error) for item in record.inputs],
            title="Inputs",
        ),
        table([Column("known"), number("value")], _known(record.state), title="Seen"),
        steps_table(record.decision),
    )
    decision = record.decision
    say(f"decided: submit {decision.submit}, retire {decision.retire}", style="bold")
    say(f"sent:    {record.planned} pilots" + (f"; {record.note}" if record.note else ""))


def _known(state: QueueState) -> list[tuple[Cell, ...]]:
    pilots = state.pilots
    waiting, running = _waiting_and_running(state)
    return [
        ("jobs not ready", state.jobs.notready),
        ("jobs ready", state.jobs.ready),
        ("jobs running", state.jobs.running),
        ("pilots waiting", waiting),
        ("pilots running", running),
        ("pilots told to end", None if pilots is None else pilots.retiring),
        ("pilots of the whole factory", state.factory_total),
        ("site", state.site_status),
    ]


def _waiting_and_running(state: QueueState) -> tuple[int | None, int | None]:
    pilots = state.pilots
    return (None, None) if pilots is None else (pilots.waiting, pilots.running)


def _list(records: list[CycleRecord], now: datetime, *, as_json: bool) -> None:
    if as_json:
        print_json({"cycles": [cycle_document(record, now) for record in records]})
        return
    out().print(
        table(
            [number("cycle"), Column("decided"), number("ready"), number("wait"), number("run"),
             number("submit"), number("retire"), number("sent"), Column("why")],
            [
                (
                    record.id,
                    ago(record.at, now),
                    record.state.jobs.ready,
                    *_waiting_and_running(record.state),
                    record.decision.submit,
                    record.decision.retire,
                    record.planned,
                    record.note or deciding_reason(record.decision),
                )
                for record in records
            ],
        )
    )  # fmt: skip
