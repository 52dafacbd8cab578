"""``apf queues``: the factory queues and what became of their pilots."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from autopyfactory.api import Store, SystemClock
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Cell, Column, number, out, print_json, table
from autopyfactory.cli.common.overview import count_live
from autopyfactory.cli.common.stores import with_store
from autopyfactory.config import Config, QueueConfig
from autopyfactory.model import EndCause, PilotCounts, PilotState

EXAMPLES = ("apf queues", "apf queues --hours 168", "apf queues --json | jq '.queues[].chain'")

Endings = Mapping[tuple[PilotState, EndCause | None, bool | None], int]


@dataclass(frozen=True, slots=True)
class EndedPilots:
    """How a queue's pilots ended lately."""

    done: int
    empty: int
    """Of those done or failed: without ever getting a payload."""
    failed: int
    removed: int
    lost: int


def queues(
    config: ConfigOption = None,
    hours: Annotated[
        float, typer.Option(min=0, metavar="HOURS", help="How far back endings are counted.")
    ] = 24,
    as_json: JsonOption = False,
) -> None:
    """List the factory queues: what each serves, where its pilots go, its chain, and how they fared.

    The endings are counted over the last day, or as many hours as asked for.  "empty" counts pilots that
    ended without ever getting a payload.  "apf status" shows the present numbers.
    """
    loaded = load_config(config)
    since = SystemClock().now() - timedelta(hours=hours)
    rows = with_store(loaded, lambda store: _read(store, loaded, since))
    if as_json:
        print_json({"since": since, "queues": [_document(*row) for row in rows]})
        return
    out().print(
        table(_COLUMNS, [_row(*row) for row in rows], title=f"Queues, endings of the last {hours:g} h")
    )


_COLUMNS = [
    Column("queue", least=6),
    Column("serves", least=6),
    Column("through"),
    Column("chain", least=13),
    *(number(title) for title in ("live", "done", "empty", "failed", "removed", "lost")),
]


def _row(queue: QueueConfig, live: PilotCounts, ended_pilots: EndedPilots) -> tuple[Cell, ...]:
    return (
        queue.name + ("" if queue.settings.enabled else " (disabled)"),
        f"{queue.settings.wms}/{queue.wms_queue}",
        queue.settings.batch,
        ", ".join(step.name for step in queue.chain),
        live.total + live.retiring,
        ended_pilots.done,
        ended_pilots.empty,
        ended_pilots.failed,
        ended_pilots.removed,
        ended_pilots.lost,
    )


async def _read(
    store: Store, config: Config, since: datetime
) -> list[tuple[QueueConfig, PilotCounts, EndedPilots]]:
    live = count_live(await store.live())
    return [
        (queue, live.get(queue.name, PilotCounts()), ended(await store.endings(since, queue.name)))
        for queue in config.queues.values()
    ]


def ended(endings: Endings) -> EndedPilots:
    """Sum endings up by what operators ask for."""

    def count(state: PilotState) -> int:
        return sum(n for (ended_as, _, _), n in endings.items() if ended_as is state)

    return EndedPilots(
        done=count(PilotState.DONE),
        empty=sum(n for (_, _, empty), n in endings.items() if empty),
        failed=count(PilotState.FAILED),
        removed=count(PilotState.REMOVED),
        lost=count(PilotState.LOST),
    )


def _document(queue: QueueConfig, live: PilotCounts, ended_pilots: EndedPilots) -> dict[str, object]:
    return {
        "queue": queue.name,
        "enabled": queue.settings.enabled,
        "wms": queue.settings.wms,
        "wms_queue": queue.wms_queue,
        "batch": queue.settings.batch,
        "interval_s": queue.settings.interval_s,
        "chain": [step.name for step in queue.chain],
        "pilots": live,
        "ended": ended_pilots,
    }
