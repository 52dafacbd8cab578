"""What metrics are made of: one reading of the store, and totals that grow from reading to reading."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autopyfactory.api import Clock, CycleSums, EndedPilots, NewestCycle, WebStore
from autopyfactory.model import EndpointHealth, NoticeLook, Override, PilotCounts, QueueName
from autopyfactory.web.metrics.endings import Ending, ending_of

WINDOW = timedelta(hours=1)
"""Endings are counted over that time; what is learnt later than that is in no total."""
GAP = timedelta(minutes=10)
"""After a longer pause between scrapes, endings are looked for further back than `WINDOW`."""
STALE_TIMES, STALE_MARGIN_S = 3, 60.0
"""What is older than so many of its intervals, and this, tells nothing of the present."""
SETTLE = timedelta(seconds=60)
"""An ending enters the totals that long after it was learnt: it may be written a little later."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the store says at one moment."""

    at: datetime
    cycles: Mapping[QueueName, NewestCycle]
    live: Mapping[QueueName, PilotCounts]
    health: Mapping[str, EndpointHealth]
    overrides: Mapping[QueueName, Override]
    ended: Sequence[EndedPilots]
    """Within `WINDOW`."""
    look: NoticeLook


@dataclass(slots=True)
class Totals:
    """What has been counted since this process was asked for the first time."""

    cycles: Counter[QueueName] = field(default_factory=Counter)
    decided: Counter[QueueName] = field(default_factory=Counter)
    planned: Counter[QueueName] = field(default_factory=Counter)
    ended: Counter[tuple[QueueName, Ending]] = field(default_factory=Counter)

    def add_cycles(self, sums: Mapping[QueueName, CycleSums]) -> None:
        """Add cycles that were not counted yet."""
        for queue, of in sums.items():
            self.cycles[queue] += of.cycles
            self.decided[queue] += of.submit
            self.planned[queue] += of.planned

    def add_ended(self, ended: Iterable[EndedPilots]) -> None:
        """Add endings that have been learnt since the last time."""
        for each in ended:
            if each.learnt:
                self.ended[each.queue, ending_of(each)] += each.learnt


class Reader:
    """Reads the store, and counts on; one reading at a time."""

    def __init__(self, store: WebStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.totals = Totals()
        self._counted_cycle: int | None = None
        self._counted_until: datetime | None = None

    async def read(self) -> Reading:
        """Read everything, one query after the other; raises as the store does, and loses no count by it."""
        store, now = self._store, self._clock.now()
        await self._count_cycles()
        ended = await self._count_ended(now)
        return Reading(
            at=now,
            cycles={newest.sample.queue: newest for newest in await store.newest_cycles()},
            live=await store.live_counts(),
            health=await store.health(),
            overrides=await store.overrides(),
            ended=ended,
            look=await store.notice_look(),
        )

    async def _count_cycles(self) -> None:
        newest = await self._store.newest_cycle_id()
        if self._counted_cycle is not None and newest > self._counted_cycle:
            self.totals.add_cycles(await self._store.cycle_sums(self._counted_cycle, newest))
        self._counted_cycle = newest

    async def _count_ended(self, now: datetime) -> list[EndedPilots]:
        since = self._counted_until or now - SETTLE
        until = max(now - SETTLE, since)  # a clock may be set back
        ended = await self._store.ended_pilots(now - WINDOW, since, until)
        missed = now - since > GAP
        self.totals.add_ended(
            await self._store.ended_pilots(since - WINDOW, since, until) if missed else ended
        )
        self._counted_until = until
        return ended
