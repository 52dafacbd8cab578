"""Counting over all queues, for metrics."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, case, func, select

from autopyfactory.api import CycleSums, EndedPilots, NewestCycle
from autopyfactory.model import QueueName
from autopyfactory.store import rows
from autopyfactory.store.pruning import newest_cycles
from autopyfactory.store.tables import SAMPLE, cycles, pilots

T = TypeVar("T")

_BREAKER = "breaker"
# traces are long, and only those with a breaker in them are read
_BREAKER_TRACE = case((cycles.c.trace.contains(f'["{_BREAKER}",'), cycles.c.trace), else_=None)


class Census:
    """`autopyfactory.api.CensusStore`; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def newest_cycles(self) -> list[NewestCycle]:
        """Return the newest cycle of every queue that ever had one, by name."""
        wanted = (
            select(*SAMPLE, cycles.c.state, cycles.c.note, _BREAKER_TRACE)
            .where(cycles.c.id.in_(newest_cycles()))
            .order_by(cycles.c.queue)
        )
        return await self._read(lambda c: [_newest(row) for row in c.execute(wanted)])

    async def newest_cycle_id(self) -> int:
        """Return the id of the newest cycle; 0 where there is none."""
        return await self._read(lambda c: c.scalar(select(func.max(cycles.c.id))) or 0)

    async def cycle_sums(self, after: int, until: int) -> Mapping[QueueName, CycleSums]:
        """Sum up the cycles whose id is above ``after`` and at most ``until``."""
        wanted = (
            select(cycles.c.queue, func.count(), func.sum(cycles.c.submit), func.sum(cycles.c.planned))
            .where(cycles.c.id > after, cycles.c.id <= until)
            .group_by(cycles.c.queue)
        )
        return await self._read(
            # PostgreSQL's sums are decimals
            lambda c: {
                QueueName(row[0]): CycleSums(row[1], int(row[2]), int(row[3])) for row in c.execute(wanted)
            }
        )

    async def ended_pilots(
        self, since: datetime, learnt_after: datetime, learnt_until: datetime
    ) -> list[EndedPilots]:
        """Count the pilots that ended since a time, and those whose end was learnt within a span."""
        p = pilots.c
        within = and_(p.changed_at > rows.to_us(learnt_after), p.changed_at <= rows.to_us(learnt_until))
        kind = (p.queue, p.state, p.cause, p.empty)
        wanted = (
            select(*kind, func.count(), func.sum(case((within, 1), else_=0)))
            .where(p.ended_at >= rows.to_us(since))
            .group_by(*kind)
        )
        return await self._read(
            lambda c: [
                EndedPilots(QueueName(row[0]), *rows.to_ending(row[1:]), row[4], int(row[5]))
                for row in c.execute(wanted)
            ]
        )


def _newest(row: Sequence[Any]) -> NewestCycle:
    *_, state, note, trace = row
    return NewestCycle(rows.to_sample(row), _breaker(trace), rows.site_status(state), note)


def _breaker(trace: str | None) -> str:
    """Return the state that the last breaker in a trace told."""
    steps = json.loads(trace)["steps"] if trace else []
    return next((str(facts.get("state", "")) for rule, *_, facts in reversed(steps) if rule == _BREAKER), "")
