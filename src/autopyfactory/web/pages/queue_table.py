"""The rows of the overview's table: what is known of every queue, in a handful of queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autopyfactory.api import Fates, NewestCycle
from autopyfactory.model import EndpointHealth, PilotCounts, QueueName
from autopyfactory.web.context import WebContext
from autopyfactory.web.pages.standing import Known, Standing

SORTS = r"^-?(queue|state|ready|pending|running|empty|failed|submit)$"
"""A column to sort by, descending after a minus."""


@dataclass(frozen=True, slots=True)
class Row:
    """One queue."""

    name: QueueName
    standing: Standing
    newest: NewestCycle | None
    live: PilotCounts
    """What the store believes, however old."""
    fates: Fates

    @property
    def ready(self) -> int | None:
        """Jobs that wait for a pilot."""
        return self.newest.sample.jobs.ready if self.newest else None

    @property
    def submit(self) -> int | None:
        """What was decided last."""
        return self.newest.sample.submit if self.newest else None


_KEYS: Mapping[str, Callable[[Row], Any]] = {
    "queue": lambda row: row.name,
    "state": lambda row: row.standing.state,
    "ready": lambda row: row.ready,
    "pending": lambda row: row.live.waiting,
    "running": lambda row: row.live.running,
    "empty": lambda row: row.fates.empty / row.fates.ended if row.fates.ended else None,
    "failed": lambda row: row.fates.failed / row.fates.ended if row.fates.ended else None,
    "submit": lambda row: row.submit,
}


def ordered(rows: Sequence[Row], sort: str) -> list[Row]:
    """Return rows by a column; what is not known comes last either way."""
    key = _KEYS[sort.removeprefix("-")]
    known = sorted((row for row in rows if key(row) is not None), key=lambda row: row.name)
    known.sort(key=key, reverse=sort.startswith("-"))
    return known + [row for row in rows if key(row) is None]


async def read_rows(context: WebContext, health: Mapping[str, EndpointHealth], begin: datetime) -> list[Row]:
    """Return all queues by name: those that are configured, and those of which pilots are left."""
    store = context.reading
    newest = {cycle.sample.queue: cycle for cycle in await store.newest_cycles()}
    live, fates = await store.live_counts(), await store.fates(begin)
    known = Known(context.config, health, await store.overrides(), context.clock.now())
    return [
        Row(
            name=name,
            standing=known.of(name, newest.get(name)),
            newest=newest.get(name),
            live=live.get(name, PilotCounts()),
            fates=fates.get(name, Fates()),
        )
        for name in sorted({*context.config.queues, *live})
    ]
