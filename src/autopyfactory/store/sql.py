"""The store: every method is one piece of work in one transaction."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from autopyfactory.api import PilotFilter, Sample, StoredTransition
from autopyfactory.model import (
    CycleRecord,
    EndCause,
    EndpointHealth,
    Outcome,
    Pilot,
    PilotId,
    PilotState,
    QueueName,
    Transition,
)
from autopyfactory.store import rows
from autopyfactory.store.census import Census
from autopyfactory.store.charting import Charting
from autopyfactory.store.database import Database
from autopyfactory.store.desk import Desk, prune_audit
from autopyfactory.store.glance import ACCEPTED, Glance
from autopyfactory.store.leasing import Leasing
from autopyfactory.store.monitor import MonitorDesk
from autopyfactory.store.noticing import Noticing
from autopyfactory.store.pruning import give_back_space, newest_cycles, prune_cycles, prune_pilots
from autopyfactory.store.rollups import add_to_rollups, prune_rollups
from autopyfactory.store.statements import statements_for
from autopyfactory.store.tables import SAMPLE, cycles, health, pilots, transitions

T = TypeVar("T")
Stopwatch = Callable[[str], AbstractContextManager[object]]
"""Measures one ``read`` or ``write``."""

_FINAL = frozenset(state for state in PilotState if state.is_final)


class SqlStore(Census, Charting, Desk, Glance, Leasing, MonitorDesk, Noticing):
    """`autopyfactory.api.WebStore` and `LeaseStore` in SQL; made by `open_store`.

    The SQL runs in a thread of its own, so that the event loop never waits for a disk or a lock; or, with
    no ``thread``, in the caller's: for a simulated world, where nothing else may happen meanwhile.
    """

    def __init__(
        self, database: Database, thread: ThreadPoolExecutor | None, timed: Stopwatch | None = None
    ) -> None:
        self._database = database
        self._thread = thread
        self._timed: Stopwatch = timed or (lambda _kind: nullcontext())
        self._sql = statements_for(database.engine.dialect.name)

    # --- writing

    async def plan(self, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str) -> int:
        """Keep a cycle and its planned pilots, and return the cycle's id.

        Raises `ValueError` where one of the pilots is in the store already.
        """
        try:
            return await self._write(lambda connection: self._plan(connection, cycle, pilots, endpoint))
        except IntegrityError as error:
            raise ValueError(f"planned already: {error.orig}") from error

    async def record(self, changes: Sequence[Transition]) -> None:
        """Apply changes in order; for a pilot that is not in the store, raises `KeyError`."""
        if changes:
            await self._write(lambda connection: self._record(connection, changes))

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """Insert pilots that the store does not know; those that it knows stay as they are."""
        if pilots:
            await self._write(lambda connection: self._adopt(connection, pilots))

    async def save_health(self, health: Sequence[EndpointHealth]) -> None:
        """Keep the health of endpoints, over what was kept under the same names."""
        if health:
            await self._write(lambda c: self._sql.save_health(c, [rows.health_row(one) for one in health]))

    async def prune(self, pilots_before: datetime, cycles_before: datetime) -> int:
        """Forget ended pilots (with their transitions) and cycles older than that; return how many of both.

        Works in slices, each a transaction of its own, and other calls come in between.  Space that
        becomes free goes back to the file system, but for a reserve.
        """
        forgotten = 0
        for prune, before in ((prune_pilots, pilots_before), (prune_cycles, cycles_before)):
            us = rows.to_us(before)
            while n := await self._write(lambda connection, prune=prune, us=us: prune(connection, us)):  # type: ignore[misc]
                forgotten += n
        pilots_us, cycles_us = rows.to_us(pilots_before), rows.to_us(cycles_before)
        while await self._write(lambda connection: prune_rollups(connection, pilots_us, cycles_us)):
            pass
        await self._write(lambda connection: prune_audit(connection, pilots_us))
        if self._database.place.is_sqlite:
            while await self._read(give_back_space):
                pass
        return forgotten

    # --- pilots

    async def live(self) -> list[Pilot]:
        """Return all pilots that are not in a final state, oldest first."""
        wanted = select(pilots).where(pilots.c.ended_at.is_(None)).order_by(pilots.c.id)
        return await self._read(lambda connection: [rows.to_pilot(row) for row in connection.execute(wanted)])

    async def find(self, pilots: Sequence[PilotId]) -> Mapping[PilotId, Pilot]:
        """Return those of these pilots that the store knows, live or ended."""
        return await self._read(lambda c: {row[0]: rows.to_pilot(row) for row in self._sql.find(c, pilots)})

    async def pilots(self, which: PilotFilter) -> list[Pilot]:
        """Return pilots, newest first."""
        wanted = select(pilots).order_by(pilots.c.id.desc()).limit(which.limit)
        if which.queue is not None:
            wanted = wanted.where(pilots.c.queue == which.queue)
        if which.states:
            wanted = wanted.where(pilots.c.state.in_(sorted(which.states)))
            if not which.states & _FINAL:
                wanted = wanted.where(
                    pilots.c.ended_at.is_(None)
                )  # so that the index of the live ones serves
        if which.since is not None:
            wanted = wanted.where(pilots.c.planned_at >= rows.to_us(which.since))
        if which.after is not None:
            wanted = wanted.where(pilots.c.id < which.after)
        return await self._read(lambda connection: [rows.to_pilot(row) for row in connection.execute(wanted)])

    async def transitions(self, pilot: PilotId) -> list[StoredTransition]:
        """Return the life of one pilot, oldest change first; empty where it is unknown."""
        t = transitions.c
        wanted = select(t.at, t.before, t.after, t.reason).where(t.pilot == pilot).order_by(t.n)
        return await self._read(
            lambda connection: [rows.to_transition(row) for row in connection.execute(wanted)]
        )

    async def outcomes(self, queue: QueueName, since: datetime, limit: int = 2000) -> list[Outcome]:
        """Return the newest ``limit`` outcomes since a time, oldest first; REFUSED and UNSENT left out."""
        p = pilots.c
        wanted = (
            select(p.planned_at, p.ended_at, p.wall_s, p.state, p.cause, p.empty)
            .where(p.queue == queue, p.ended_at >= rows.to_us(since))
            .where(ACCEPTED)
            .order_by(p.ended_at.desc(), p.id.desc())
            .limit(limit)
        )
        return await self._read(lambda c: [rows.to_outcome(row) for row in reversed(c.execute(wanted).all())])

    async def endings(
        self, since: datetime, queue: QueueName | None = None
    ) -> Mapping[tuple[PilotState, EndCause | None, bool | None], int]:
        """Count the pilots that ended since a time by (state, cause, empty)."""
        p = pilots.c
        wanted = select(p.state, p.cause, p.empty, func.count()).where(p.ended_at >= rows.to_us(since))
        if queue is not None:
            wanted = wanted.where(p.queue == queue)
        grouped = wanted.group_by(p.state, p.cause, p.empty)
        return await self._read(lambda c: {rows.to_ending(row): row[3] for row in c.execute(grouped)})

    # --- cycles and health

    async def cycle(self, queue: QueueName, id: int | None = None) -> CycleRecord | None:  # noqa: A002
        """Return one cycle of a queue with its whole trace: the newest, or the one with this id."""
        wanted = select(cycles).where(cycles.c.queue == queue)
        if id is not None:
            wanted = wanted.where(cycles.c.id == id)
        newest = wanted.order_by(cycles.c.at.desc(), cycles.c.id.desc()).limit(1)
        row = await self._read(lambda connection: connection.execute(newest).first())
        return None if row is None else rows.to_cycle(row)

    async def cycles(self, queue: QueueName, limit: int = 20, before: int | None = None) -> list[CycleRecord]:
        """Return the newest cycles of a queue, newest first."""
        wanted = (
            select(cycles)
            .where(cycles.c.queue == queue)
            .order_by(cycles.c.at.desc(), cycles.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            wanted = wanted.where(cycles.c.id < before)
        return await self._read(lambda connection: [rows.to_cycle(row) for row in connection.execute(wanted)])

    async def latest(self) -> Mapping[QueueName, CycleRecord]:
        """Return the newest cycle of every queue that ever had one."""
        wanted = select(cycles).where(cycles.c.id.in_(newest_cycles())).order_by(cycles.c.queue)

        def work(connection: Connection) -> dict[QueueName, CycleRecord]:
            return {cycle.queue: cycle for cycle in map(rows.to_cycle, connection.execute(wanted))}

        return await self._read(work)

    async def samples(
        self, since: datetime, queue: QueueName | None = None, limit: int | None = None
    ) -> list[Sample]:
        """Return the numbers of the cycles since a time, oldest first."""
        wanted = select(*SAMPLE).where(cycles.c.at >= rows.to_us(since)).order_by(cycles.c.at, cycles.c.id)
        if queue is not None:
            wanted = wanted.where(cycles.c.queue == queue)
        if limit is not None:
            wanted = wanted.limit(limit)
        return await self._read(
            lambda connection: [rows.to_sample(row) for row in connection.execute(wanted)]
        )

    async def health(self) -> Mapping[str, EndpointHealth]:
        """Return the health of all endpoints by name."""
        wanted = select(health)
        return await self._read(lambda c: {row[0]: rows.to_health(row) for row in c.execute(wanted)})

    async def close(self) -> None:
        """Let go of the connection and of the thread.  Twice is harmless."""
        if self._thread is None:
            self._database.close()
            return
        thread, self._thread = self._thread, None
        await asyncio.get_running_loop().run_in_executor(thread, self._database.close)
        thread.shutdown(wait=False)

    # --- how work is done

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._run("read", lambda: self._database.read(work))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._run("write", lambda: self._database.write(work))

    async def _run(self, kind: str, call: Callable[[], T]) -> T:
        if self._thread is None:
            return call()
        with self._timed(kind):
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _plan(
        self, connection: Connection, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str
    ) -> int:
        at = rows.to_us(cycle.at)
        # a Pilot for each would take longer than SQLite takes to keep it
        template = rows.pilot_row(_planned(cycle, endpoint), 1)[1:]
        self._sql.add_pilots(connection, [(pilot, *template) for pilot in pilots])
        planned = PilotState.PLANNED.value
        self._sql.add_transitions(connection, [(pilot, 1, at, None, planned, "") for pilot in pilots])
        add_to_rollups(connection, cycle)
        return self._sql.add_cycle(connection, rows.cycle_row(cycle))

    def _adopt(self, connection: Connection, pilots: Sequence[Pilot]) -> None:
        known = {row[0] for row in self._sql.find(connection, [pilot.id for pilot in pilots])}
        new = {pilot.id: rows.pilot_row(pilot, 1) for pilot in pilots if pilot.id not in known}
        self._sql.add_pilots(connection, list(new.values()))
        self._sql.add_transitions(
            connection, [(row[0], 1, row[5], None, row[3], row[10]) for row in new.values()]
        )

    def _record(self, connection: Connection, changes: Sequence[Transition]) -> None:
        ids = list(dict.fromkeys(change.pilot for change in changes))
        found = {row[0]: row for row in self._sql.find(connection, ids, lock=True)}
        touched = {pilot: rows.to_pilot(row) for pilot, row in found.items()}
        count = {pilot: row[-1] for pilot, row in found.items()}
        life: list[rows.Row] = []
        for change in changes:
            pilot = touched[change.pilot]
            before = pilot.state.value
            pilot.apply(change)
            count[pilot.id] = n = count[pilot.id] + 1
            at, reason = rows.to_us(change.at), rows.bounded(change.reason)
            life.append((pilot.id, n, at, before, change.state.value, reason))
        lived = {pilot for pilot, row in found.items() if row[_ENDED_AT] is None}
        still = [pilot for pilot in touched.values() if pilot.id in lived and pilot.state.is_live]
        others = [pilot for pilot in touched.values() if pilot.id not in lived or pilot.state.is_final]
        self._sql.change_lives(connection, [rows.pilot_row(pilot, count[pilot.id]) for pilot in still])
        self._sql.change_all(connection, [rows.pilot_row(pilot, count[pilot.id]) for pilot in others])
        self._sql.add_transitions(connection, life)


_ENDED_AT = list(pilots.c).index(pilots.c.ended_at)


def _planned(cycle: CycleRecord, endpoint: str) -> Pilot:
    return Pilot(PilotId(""), cycle.queue, endpoint, PilotState.PLANNED, cycle.at, cycle.at)
