"""Reading for the dashboard: many queues and hosts at once, in time that does not grow with cycles."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, case, func, literal, or_, select, true

from autopyfactory.api import Fates, HostFates
from autopyfactory.model import CycleRecord, EndCause, PilotState, QueueName
from autopyfactory.store import rows
from autopyfactory.store.pruning import newest_cycles, queue_names, these_queues
from autopyfactory.store.tables import cycles, pilots

T = TypeVar("T")

_END = pilots.c
ACCEPTED = or_(_END.cause.is_(None), _END.cause.not_in((EndCause.REFUSED.value, EndCause.UNSENT.value)))
"""Whether a pilot ever existed in a batch system."""
_EMPTY = _END.empty.is_(True)
_FAILED = and_(
    _END.state.in_((PilotState.FAILED.value, PilotState.LOST.value)),
    or_(_END.cause.is_(None), _END.cause != EndCause.CANCELLED.value),
    or_(_END.empty.is_(None), _END.empty.is_(False)),
)
_BENEFIT_OF_DOUBT = 5
"""Pilots that are taken to have ended well on each host, so that few failures are not a share of all."""


class Glance:
    """`autopyfactory.api.GlanceStore`; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def latest_of(self, queues: Collection[QueueName]) -> Mapping[QueueName, CycleRecord]:
        """Return the newest cycle of each of these queues that ever had one, with its trace."""
        if not queues:
            return {}
        wanted = select(cycles).where(cycles.c.id.in_(newest_cycles(these_queues(queues))))
        return await self._read(
            lambda c: {cycle.queue: cycle for cycle in map(rows.to_cycle, c.execute(wanted))}
        )

    async def running_at(
        self, queues: Collection[QueueName], since: datetime, step: timedelta, steps: int
    ) -> Mapping[QueueName, Sequence[int | None]]:
        """Return the pilots that ran in the last cycle within each of so many steps."""
        if not queues:
            return {}
        wide = step // timedelta(microseconds=1)
        first = select(literal(0).label("n"), literal(rows.to_us(since)).label("begin")).cte(
            "stretch", recursive=True
        )
        stretch = first.union_all(select(first.c.n + 1, first.c.begin + wide).where(first.c.n < steps - 1))
        names = these_queues(queues)
        # one look into the index for each stretch: what lies between is not read
        running = (
            select(cycles.c.pilots_running)
            .where(
                cycles.c.queue == names.c.queue,
                cycles.c.at >= stretch.c.begin,
                cycles.c.at < stretch.c.begin + wide,
            )
            .order_by(cycles.c.at.desc())
            .limit(1)
            .scalar_subquery()
        )
        wanted = select(names.c.queue, stretch.c.n, running).select_from(names.join(stretch, true()))

        def work(connection: Connection) -> dict[QueueName, list[int | None]]:
            found: dict[QueueName, list[int | None]] = {}
            for queue, n, number in connection.execute(wanted):
                found.setdefault(QueueName(queue), [None] * steps)[n] = number
            return found

        return await self._read(work)

    async def fates(self, since: datetime) -> Mapping[QueueName, Fates]:
        """Count the pilots of each queue that ended since a time."""
        # queue by queue: to have them in order, SQLite would go through all that ever ended
        names = queue_names(_END.queue)
        wanted = (
            select(names.c.queue, func.count(), _how_many(_FAILED), _how_many(_EMPTY))
            .select_from(names.join(pilots, names.c.queue == _END.queue))
            .where(_END.ended_at >= rows.to_us(since), ACCEPTED)
            .group_by(names.c.queue)
        )
        return await self._read(
            lambda c: {QueueName(row[0]): Fates(*map(int, row[1:])) for row in c.execute(wanted)}
        )

    async def host_fates(
        self, since: datetime, fast_s: float, queue: QueueName | None = None, limit: int = 100
    ) -> list[HostFates]:
        """Return the hosts on which pilots ended since a time, those where most fail first."""
        chosen = and_(_END.ended_at >= rows.to_us(since), ACCEPTED, _END.host != "")
        if queue is not None:
            chosen = and_(chosen, _END.queue == queue)
        ended, failed = func.count(), _how_many(_FAILED)
        wanted = (
            select(
                _END.host,
                ended,
                failed,
                _how_many(_EMPTY),
                _how_many(and_(_FAILED, _END.wall_s <= fast_s)),
                func.min(_END.queue),
                func.max(_END.queue),
                func.max(_END.ended_at),
            )
            .where(chosen)
            .group_by(_END.host)
            .order_by((failed * 1.0 / (ended + _BENEFIT_OF_DOUBT)).desc(), ended.desc(), _END.host)
            .limit(limit)
        )
        return await self._read(lambda c: [_host(row) for row in c.execute(wanted)])


def _how_many(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _host(row: Sequence[Any]) -> HostFates:
    return HostFates(
        host=row[0],
        fates=Fates(row[1], int(row[2]), int(row[3])),
        fast=int(row[4]),
        queues=tuple(sorted({QueueName(row[5]), QueueName(row[6])})),
        last_at=rows.from_us(row[7]),
    )
