"""What a ledger writes to, and the same under the fences of the queues that this factory owns."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from autopyfactory.api import LeaseLost, Limit, Store, Terms
from autopyfactory.control.ownership import Ownership
from autopyfactory.model import CycleRecord, EndpointHealth, Outcome, Pilot, PilotId, QueueName, Transition


class Writer(Protocol):
    """The part of `Store` that a ledger uses."""

    async def plan(self, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str) -> int:
        """See `Store.plan`; raises `LeaseLost` and `NoRoom` as well: nothing was kept."""
        ...

    async def record(self, changes: Sequence[Transition]) -> None:
        """See `Store.record`; changes of pilots that are not ours any more are passed over."""
        ...

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """See `Store.adopt`; pilots of queues that are not ours any more are passed over."""
        ...

    async def find(self, pilots: Sequence[PilotId]) -> Mapping[PilotId, Pilot]:
        """See `Store.find`."""
        ...

    async def outcomes(self, queue: QueueName, since: datetime) -> list[Outcome]:
        """See `Store.outcomes`."""
        ...

    async def save_health(self, health: Sequence[EndpointHealth]) -> None:
        """See `Store.save_health`."""
        ...

    async def prune(self, pilots_before: datetime, cycles_before: datetime) -> int:
        """See `Store.prune`."""
        ...


class Fenced:
    """Writes of one of several factories: none changes what another one owns by now.

    ``limits(queue, endpoint)`` are those that hold across factories; ``grace()`` is how long a pilot that
    was told to end counts.
    """

    def __init__(
        self,
        store: Store,
        ownership: Ownership,
        limits: Callable[[QueueName, str], tuple[Limit, ...]],
        grace: Callable[[], timedelta],
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._limits = limits
        self._grace = grace

    async def plan(self, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str) -> int:
        """See `Writer.plan`."""
        fence = self._ownership.fences.get(cycle.queue)
        if fence is None:
            raise LeaseLost([cycle.queue], pilots)
        terms = Terms(fence, self._limits(cycle.queue, endpoint), cycle.at - self._grace())
        try:
            return await self._ownership.store.plan_under(terms, cycle, pilots, endpoint)
        except LeaseLost as lost:
            self._ownership.forget(lost.queues)
            raise

    async def record(self, changes: Sequence[Transition]) -> None:
        """See `Writer.record`."""
        left = list(changes)
        while left:
            try:
                await self._ownership.store.record_under(self._ownership.fences, left)
            except LeaseLost as lost:
                self._ownership.forget(lost.queues)
                left = [change for change in left if change.pilot not in lost.pilots]
            else:
                return

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """See `Writer.adopt`."""
        left = list(pilots)
        while left:
            try:
                await self._ownership.store.adopt_under(self._ownership.fences, left)
            except LeaseLost as lost:
                self._ownership.forget(lost.queues)
                left = [pilot for pilot in left if pilot.id not in lost.pilots]
            else:
                return

    async def find(self, pilots: Sequence[PilotId]) -> Mapping[PilotId, Pilot]:
        """See `Writer.find`."""
        return await self._store.find(pilots)

    async def outcomes(self, queue: QueueName, since: datetime) -> list[Outcome]:
        """See `Writer.outcomes`."""
        return await self._store.outcomes(queue, since)

    async def save_health(self, health: Sequence[EndpointHealth]) -> None:
        """Keep what this factory has seen of endpoints; the newest of several factories stands."""
        await self._store.save_health(health)

    async def prune(self, pilots_before: datetime, cycles_before: datetime) -> int:
        """See `Writer.prune`."""
        return await self._store.prune(pilots_before, cycles_before)
