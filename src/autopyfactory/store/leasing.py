"""Leases of queues, and writes that are fenced by them: what several factories on one store need.

Locks are always taken in the same order (leases by name, then the gate of limits, then pilots), so that two
factories cannot wait for each other.  In SQLite a write transaction is a lock by itself.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, insert, not_, select, update
from sqlalchemy.exc import IntegrityError

from autopyfactory.api import Lease, LeaseLost, Limit, NoRoom, Terms
from autopyfactory.model import CycleRecord, Pilot, PilotId, QueueName, Transition
from autopyfactory.store.rows import to_us
from autopyfactory.store.tables import leases, pilots

T = TypeVar("T")

_CLAIM_LOCK = 0x415047
"""One claim at a time; the numbers of advisory locks are free but for `migrate`'s."""
_LIMITS_LOCK = 0x415048
"""The gate of limits: whoever counts pilots to plan more is alone until the end of the transaction."""
_IDS_AT_ONCE = 500


class Leasing:
    """The part of `SqlStore` that is `autopyfactory.api.LeaseStore`; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def _write(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    def _plan(
        self, connection: Connection, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str
    ) -> int:
        raise NotImplementedError

    def _record(self, connection: Connection, changes: Sequence[Transition]) -> None:
        raise NotImplementedError

    def _adopt(self, connection: Connection, pilots: Sequence[Pilot]) -> None:
        raise NotImplementedError

    # --- leases

    async def leases(self) -> Mapping[QueueName, Lease]:
        """Return the leases of all queues that ever had one."""
        return await self._read(_leases)

    async def claim(self, wanted: Mapping[QueueName, Lease | None], owner: str) -> Mapping[QueueName, int]:
        """Take the queues whose lease still is exactly this one, and return their new fences."""

        def work(connection: Connection) -> dict[QueueName, int]:
            _lock(connection, _CLAIM_LOCK)
            there = _leases(connection, for_update=True)
            free = sorted(queue for queue, lease in wanted.items() if there.get(queue) == lease)
            taken = {}
            for queue in free:
                lease = there.get(queue)
                taken[queue] = lease.fence + 1 if lease else 1
                row = {"owner": owner, "fence": taken[queue], "beat": 0}
                if lease is None:
                    connection.execute(insert(leases).values(queue=queue, **row))
                else:
                    connection.execute(update(leases).where(leases.c.queue == queue).values(row))
            return taken

        return await self._write(work) if wanted else {}

    async def renew(self, owner: str) -> Mapping[QueueName, int]:
        """Let the beat of all of an owner's leases grow, and return their fences."""

        def work(connection: Connection) -> dict[QueueName, int]:
            mine = leases.c.owner == owner
            asked = select(leases.c.queue, leases.c.fence).where(mine).order_by(leases.c.queue)
            held = {QueueName(row.queue): row.fence for row in connection.execute(asked.with_for_update())}
            connection.execute(update(leases).where(mine).values(beat=leases.c.beat + 1))
            return held

        return await self._write(work)

    async def give_back(self, queues: Collection[QueueName], owner: str) -> None:
        """Leave queues to whoever claims them; those of other owners are passed over."""

        def work(connection: Connection) -> None:
            for queue in sorted(queues):
                mine = and_(leases.c.queue == queue, leases.c.owner == owner)
                connection.execute(update(leases).where(mine).values(owner=""))

        if queues:
            await self._write(work)

    async def tally(self, zombies_before: datetime) -> Mapping[tuple[QueueName, str], int]:
        """Count live pilots by queue and endpoint, without those that were told to end before that."""
        p = pilots.c
        asked = select(p.queue, p.endpoint, func.count()).where(_counting(zombies_before))
        grouped = asked.group_by(p.queue, p.endpoint)
        return await self._read(
            lambda connection: {(QueueName(row[0]), row[1]): row[2] for row in connection.execute(grouped)}
        )

    # --- fenced writes

    async def plan_under(
        self, terms: Terms, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str
    ) -> int:
        """Do as `plan` does, under terms that hold at the commit; raises `LeaseLost` and `NoRoom`."""

        def work(connection: Connection) -> int:
            if lost := _lost(connection, {cycle.queue: terms.fence}, {cycle.queue}):
                raise LeaseLost(lost, pilots)
            if pilots and terms.limits:
                _lock(connection, _LIMITS_LOCK)
                for limit in terms.limits:
                    _check_room(connection, limit, len(pilots), terms.zombies_before)
            return self._plan(connection, cycle, pilots, endpoint)

        try:
            return await self._write(work)
        except IntegrityError as error:
            raise ValueError(f"planned already: {error.orig}") from error

    async def record_under(self, fences: Mapping[QueueName, int], changes: Sequence[Transition]) -> None:
        """Do as `record` does; raises `LeaseLost` with the pilots concerned."""

        def work(connection: Connection) -> None:
            _check_fences(connection, fences, _queues_of(connection, {change.pilot for change in changes}))
            self._record(connection, changes)

        if changes:
            await self._write(work)

    async def adopt_under(self, fences: Mapping[QueueName, int], pilots: Sequence[Pilot]) -> None:
        """Do as `adopt` does; raises `LeaseLost` with the pilots concerned."""

        def work(connection: Connection) -> None:
            _check_fences(connection, fences, {pilot.id: pilot.queue for pilot in pilots})
            self._adopt(connection, pilots)

        if pilots:
            await self._write(work)


def _leases(connection: Connection, *, for_update: bool = False) -> dict[QueueName, Lease]:
    asked = select(leases).order_by(leases.c.queue)
    if for_update:
        asked = asked.with_for_update()
    return {QueueName(row.queue): Lease(row.owner, row.fence, row.beat) for row in connection.execute(asked)}


def _check_fences(
    connection: Connection, fences: Mapping[QueueName, int], concerned: Mapping[PilotId, QueueName]
) -> None:
    lost = _lost(connection, fences, set(concerned.values()))
    if lost:
        raise LeaseLost(lost, [pilot for pilot, queue in concerned.items() if queue in lost])


def _lost(
    connection: Connection, fences: Mapping[QueueName, int], queues: Collection[QueueName]
) -> set[QueueName]:
    """Return those of the queues whose newest fence is another; the rest cannot change hands any more."""
    asked = select(leases.c.queue, leases.c.fence).where(leases.c.queue.in_(sorted(queues)))
    held = asked.where(leases.c.owner != "").order_by(leases.c.queue).with_for_update(read=True)
    newest = {QueueName(row.queue): row.fence for row in connection.execute(held)}
    return {queue for queue in queues if queue not in fences or newest.get(queue) != fences[queue]}


def _queues_of(connection: Connection, names: Collection[PilotId]) -> dict[PilotId, QueueName]:
    ordered, found = sorted(names), {}
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        asked = select(pilots.c.id, pilots.c.queue).where(
            pilots.c.id.in_(ordered[start : start + _IDS_AT_ONCE])
        )
        found.update({PilotId(row.id): QueueName(row.queue) for row in connection.execute(asked)})
    return found


def _check_room(connection: Connection, limit: Limit, wanted: int, zombies_before: datetime | None) -> None:
    asked = select(func.count()).select_from(pilots).where(_counting(zombies_before))
    if limit.endpoint is not None:
        asked = asked.where(pilots.c.endpoint == limit.endpoint)
    there = connection.execute(asked).scalar_one()
    if there + wanted > limit.maximum:
        where = f"at {limit.endpoint}" if limit.endpoint is not None else "in all"
        raise NoRoom(
            f"with {wanted} more than the {there} pilots of all factories there would be more {where} than "
            f"the {limit.maximum} allowed"
        )


def _counting(zombies_before: datetime | None) -> ColumnElement[bool]:
    live = pilots.c.ended_at.is_(None)
    if zombies_before is None:
        return live
    return and_(live, not_(and_(pilots.c.retiring, pilots.c.changed_at < to_us(zombies_before))))


def _lock(connection: Connection, number: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({number})")
