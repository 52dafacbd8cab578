"""Numbers over time, summed up by the database, so that a chart gets few of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Double, Select, and_, case, cast, func, select

from autopyfactory.api import MAX_POINTS, WAIT_EDGES_S, WALL_EDGES_S, PilotTimes, Series, SeriesPoint
from autopyfactory.model import Fate, QueueName
from autopyfactory.store.adding_up import (
    CARRY_S,
    US,
    Numbers,
    Span,
    span,
    totals,
    widened,
    without_unfinished,
)
from autopyfactory.store.rollup_tables import rollups
from autopyfactory.store.rows import from_us, to_ending, to_us
from autopyfactory.store.tables import cycles, pilots

T = TypeVar("T")

_UNKNOWN_CLASS = -1
_STEPS_AT_ONCE = 12
"""Of all queues: there may be a million endings in a week."""


class Charting:
    """`autopyfactory.api.SeriesStore`; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def series(self, since: datetime, until: datetime, queue: QueueName | None = None) -> Series:
        """Return the numbers of a queue, or of all together."""
        chosen = span(to_us(since), to_us(until), of_all=queue is None)
        numbers = await self._read(lambda connection: _numbers(connection, chosen, queue))
        endings: dict[int, Mapping[Fate, int]] = {}
        for part in _parts(chosen, of_all=queue is None):
            endings |= await self._read(lambda connection, part=part: _endings(connection, part, queue))  # type: ignore[misc]
        told = {one.at_us: one for one in numbers}
        points = tuple(
            _point(at_us, told.get(at_us), endings.get(at_us, {}))
            for at_us in sorted(told.keys() | endings.keys())
        )
        return Series(queue, from_us(chosen.from_us), until, timedelta(seconds=chosen.step_s), points)

    async def pilot_times(
        self, since: datetime, until: datetime, queue: QueueName | None = None
    ) -> PilotTimes:
        """Sum up the pilots that ended from a time on and before another."""
        p = pilots.c
        wait_s = cast(p.started_at - p.planned_at, Double) / US
        waited_s = case((wait_s < 0, 0.0), else_=wait_s)  # the clocks of nodes differ
        classes = _class(waited_s, WAIT_EDGES_S).label("wait"), _class(p.wall_s, WALL_EDGES_S).label("wall")
        wanted = (
            select(p.state, p.cause, p.empty, *classes, func.count(), func.sum(waited_s), func.sum(p.wall_s))
            .where(_ended_within(to_us(since), to_us(until), queue))
            # by their labels: PostgreSQL does not see that expressions with parameters are the same again
            .group_by(p.state, p.cause, p.empty, "wait", "wall")
        )
        return await self._read(lambda connection: _times(connection.execute(wanted).all()))


# --- series


def _numbers(connection: Connection, chosen: Span, queue: QueueName | None) -> Sequence[Numbers]:
    if queue is None and chosen.source_s is None:
        # from a little before: what a queue told counts for a while
        early = chosen.from_us - CARRY_S * US
        rows = connection.execute(_of_cycles(chosen, early)).all()
        added = totals((QueueName(row[-1]), _to_numbers(row, chosen.step_us)) for row in rows)
        return [one for one in added if one.at_us >= chosen.from_us]
    if queue is None:
        rows = connection.execute(_of_all(chosen)).all()
        steps = [_to_numbers(row, 1, unknown=row[5], queues=row[6]) for row in rows]
        return widened(without_unfinished(steps), chosen.step_us)
    if chosen.source_s is None:
        wanted = _of_cycles(chosen, chosen.from_us).where(cycles.c.queue == queue)
    else:
        wanted = _of_rollups(chosen).where(rollups.c.queue == queue)
    return [_to_numbers(row, chosen.step_us) for row in connection.execute(wanted)]


def _of_cycles(chosen: Span, from_us: int) -> Select[Any]:
    c = cycles.c
    waiting = c.pilots_planned + c.pilots_pending + c.pilots_held + c.pilots_unknown
    means = [func.avg(number) for number in (c.jobs_ready, waiting, c.pilots_running)]
    return (
        select((c.at // chosen.step_us).label("step"), *means, func.sum(c.planned), c.queue)
        .where(c.at >= from_us, c.at < chosen.until_us)
        .group_by("step", c.queue)
        .order_by("step")
    )


def _of_rollups(chosen: Span) -> Select[Any]:
    r = rollups.c
    means = [cast(func.sum(number), Double) / func.nullif(func.sum(known), 0) for number, known in _ROLLED]
    return (
        select((r.at // chosen.step_us).label("step"), *means, func.sum(r.planned))
        .where(r.step_s == chosen.source_s, r.at >= chosen.from_us, r.at < chosen.until_us)
        .group_by("step")
        .order_by("step")
    )


def _of_all(chosen: Span) -> Select[Any]:
    """Select the sums of all queues in steps of the source."""
    r = rollups.c
    sums = [func.sum(cast(number, Double) / func.nullif(known, 0)) for number, known in _ROLLED]
    unknown = func.sum(case((r.ready_known == 0, 1), (r.pilots_known == 0, 1), else_=0))
    return (
        select(r.at, *sums, func.sum(r.planned), unknown, func.count())
        .where(r.step_s == chosen.source_s, r.at >= chosen.from_us, r.at < chosen.until_us)
        .group_by(r.at)
        .order_by(r.at)
    )


_ROLLED = (
    (rollups.c.ready, rollups.c.ready_known),
    (rollups.c.pending, rollups.c.pilots_known),
    (rollups.c.running, rollups.c.pilots_known),
)


def _to_numbers(row: Sequence[Any], step_us: int, *, unknown: int = 0, queues: int = 1) -> Numbers:
    # PostgreSQL's means and sums are decimals
    ready, pending, running = [None if number is None else float(number) for number in row[1:4]]
    return Numbers(int(row[0]) * step_us, ready, pending, running, int(row[4]), int(unknown), queues)


def _point(at_us: int, numbers: Numbers | None, endings: Mapping[Fate, int]) -> SeriesPoint:
    if numbers is None:
        return SeriesPoint(from_us(at_us), endings=endings, observed=False)
    return SeriesPoint(
        from_us(at_us),
        numbers.ready,
        numbers.pending,
        numbers.running,
        numbers.submitted,
        endings,
        numbers.unknown,
    )


def _parts(chosen: Span, *, of_all: bool) -> Iterator[Span]:
    """Yield a window in parts, of which none keeps other reads waiting for long."""
    wide = chosen.step_us * (_STEPS_AT_ONCE if of_all else MAX_POINTS)
    for begin in range(chosen.from_us, chosen.until_us, wide):
        yield replace(chosen, from_us=begin, until_us=min(begin + wide, chosen.until_us))


def _endings(
    connection: Connection, chosen: Span, queue: QueueName | None
) -> Mapping[int, Mapping[Fate, int]]:
    p = pilots.c
    wanted = (
        select(p.state, p.cause, p.empty, (p.ended_at // chosen.step_us).label("step"), func.count())
        .where(_ended_within(chosen.from_us, chosen.until_us, queue))
        .group_by(p.state, p.cause, p.empty, "step")
    )
    counted: dict[int, Counter[Fate]] = {}
    for row in connection.execute(wanted):
        counted.setdefault(row[3] * chosen.step_us, Counter())[Fate.of(*to_ending(row))] += row[4]
    return counted


def _ended_within(from_us: int, until_us: int, queue: QueueName | None) -> ColumnElement[bool]:
    within = and_(pilots.c.ended_at >= from_us, pilots.c.ended_at < until_us)
    return within if queue is None else and_(within, pilots.c.queue == queue)


# --- times


def _class(seconds: ColumnElement[Any], edges_s: Sequence[int]) -> ColumnElement[int]:
    """Return which class a time belongs to; `_UNKNOWN_CLASS` where it is unknown."""
    below = [(seconds < edge, i) for i, edge in enumerate(edges_s)]
    return case((seconds.is_(None), _UNKNOWN_CLASS), *below, else_=len(edges_s))


def _times(rows: Sequence[Sequence[Any]]) -> PilotTimes:
    """Add up rows of (state, cause, empty, class of wait, class of wall time, pilots, waits, wall times)."""
    endings, waits, walls = Counter[Fate](), Counter[int](), Counter[int]()
    waited_s = node_s = work_s = 0.0
    for row in rows:
        fate, pilots_ = Fate.of(*to_ending(row)), row[5]
        endings[fate] += pilots_
        waits[row[3]] += pilots_
        walls[row[4]] += pilots_
        waited_s += row[6] or 0
        node_s += row[7] or 0
        work_s += (row[7] or 0) if fate is Fate.WORKED else 0
    return PilotTimes(
        endings,
        waits=(counted_waits := tuple(waits[i] for i in range(len(WAIT_EDGES_S) + 1))),
        walls=(counted_walls := tuple(walls[i] for i in range(len(WALL_EDGES_S) + 1))),
        mean_wait_s=_mean(waited_s, sum(counted_waits)),
        mean_wall_s=_mean(node_s, sum(counted_walls)),
        node_s=node_s,
        work_s=work_s,
    )


def _mean(total: float, n: int) -> float | None:
    return total / n if n else None
