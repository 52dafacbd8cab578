"""What one factory is connected to the simulated world by: lines that tell a witness, fail, and are cut."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from autopyfactory.api import BatchSystem, Clock, Deadline, Store, StoreUnavailable, WmsStatus
from autopyfactory.model import (
    BatchStatus,
    CycleRecord,
    Ending,
    JobCounts,
    Pilot,
    PilotId,
    PilotSpec,
    SiteStatus,
    SubmitResult,
    Transition,
    WmsQueue,
)
from autopyfactory.sim.dst.witness import Witness
from autopyfactory.sim.faults import Luck, StoreFaults


class Life:
    """One run of a factory, from its start to its death.

    It dies when `end` is called, or by itself before or after a call of the store.  From then on nothing
    that is left of it reaches the world: its tasks are cancelled, and as they come to their end every line
    answers with a cancellation.
    """

    def __init__(self, number: int, dies_at_store_call: int | None = None) -> None:
        """``dies_at_store_call``: 2·n is before its n-th call of the store (from 0), 2·n + 1 is after it."""
        self.number = number
        self.dead = asyncio.Event()
        self._dies_at = dies_at_store_call
        self._moments = 0

    def end(self) -> None:
        """Die."""
        self.dead.set()

    def check(self) -> None:
        """Raise the cancellation that ends a task of a factory that is dead."""
        if self.dead.is_set():
            raise asyncio.CancelledError

    def pass_store_moment(self) -> None:
        """Pass the moment before or after a call of the store, or die at it."""
        if self._moments == self._dies_at:
            self.end()
        self._moments += 1
        self.check()


class StoreLine:
    """A `Store` between a factory and the real one.  Every call is a place to fail, to wait and to die."""

    def __init__(
        self, store: Store, life: Life, witness: Witness, faults: StoreFaults, luck: Luck, clock: Clock
    ) -> None:
        self._store = store
        self._life = life
        self._witness = witness
        self._faults = faults
        self._luck = luck
        self._clock = clock
        self._lane = asyncio.Lock()

    async def plan(self, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str) -> int:
        """See `Store.plan`."""
        return await self._pass(  # type: ignore[no-any-return]
            "plan",
            lambda: self._store.plan(cycle, pilots, endpoint),
            lambda: self._witness.planned(self._life.number, cycle, pilots, endpoint),
        )

    async def record(self, changes: Sequence[Transition]) -> None:
        """See `Store.record`."""
        await self._pass(
            "record", lambda: self._store.record(changes), lambda: self._witness.recorded(changes)
        )

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """See `Store.adopt`."""
        await self._pass("adopt", lambda: self._store.adopt(pilots), lambda: self._witness.adopted(pilots))

    def __getattr__(self, name: str) -> Any:
        """Return any other method of the store, as faulty as those above."""
        method = getattr(self._store, name)
        return lambda *given, **named: self._pass(name, lambda: method(*given, **named), _nothing)

    async def _pass(self, what: str, call: Callable[[], Awaitable[Any]], tell: Callable[[], None]) -> Any:
        self._life.check()
        async with self._lane:
            if self._faults.slow_s is not None:
                await self._clock.sleep(self._luck.delay_s(self._faults.slow_s))
            self._life.pass_store_moment()
            if self._luck.strikes(self._faults.fails):
                raise StoreUnavailable(f"the simulated store does not serve: {what}")
            result = await call()
            tell()
            self._life.pass_store_moment()
            if self._luck.strikes(self._faults.reply_lost):
                raise StoreUnavailable(f"the simulated store went away at the commit: {what}")
            return result


class BatchLine:
    """A `BatchSystem` between a factory and its simulated one."""

    def __init__(self, name: str, system: BatchSystem, life: Life, witness: Witness, clock: Clock) -> None:
        self._name = name
        self._system = system
        self._life = life
        self._witness = witness
        self._clock = clock

    async def submit(
        self, spec: PilotSpec, pilots: Sequence[PilotId], *, deadline: Deadline | None = None
    ) -> SubmitResult:
        """See `BatchSystem.submit`."""
        self._life.check()
        self._witness.submitting(self._name, spec, pilots)
        try:
            result = await self._system.submit(spec, pilots, deadline=deadline)
        except Exception as error:
            self._witness.note("batch", f"{self._name}: {type(error).__name__}: {error}")
            raise
        self._life.check()
        return result

    async def status(self) -> Mapping[PilotId, BatchStatus]:
        """See `BatchSystem.status`."""
        self._life.check()
        asked_at = self._clock.now()
        listing = await self._system.status()
        self._life.check()
        self._witness.listed(self._life.number, self._name, asked_at, listing)
        return listing

    async def ended(self, pilots: Collection[PilotId]) -> Mapping[PilotId, Ending]:
        """See `BatchSystem.ended`."""
        self._life.check()
        endings = await self._system.ended(pilots)
        self._life.check()
        return endings

    async def cancel(self, pilots: Collection[PilotId], **how: Any) -> None:
        """See `BatchSystem.cancel`."""
        self._life.check()
        self._witness.cancelling(
            self._life.number, self._name, pilots, waiting_only=how.get("waiting_only", False)
        )
        await self._system.cancel(pilots, **how)
        self._life.check()

    def __getattr__(self, name: str) -> Any:
        """Return any other method of the batch system."""
        method = getattr(self._system, name)

        async def call(*given: Any, **named: Any) -> Any:
            self._life.check()
            result = await method(*given, **named)
            self._life.check()
            return result

        return call


class WmsLine:
    """A `WmsStatus` between a factory and the simulated one."""

    def __init__(self, wms: WmsStatus, life: Life, witness: Witness, clock: Clock) -> None:
        self._wms = wms
        self._life = life
        self._witness = witness
        self._clock = clock

    async def counts(self) -> Mapping[WmsQueue, JobCounts]:
        """See `WmsStatus.counts`."""
        self._life.check()
        asked_at = self._clock.now()
        counts = await self._wms.counts()
        self._life.check()
        self._witness.counted(self._life.number, asked_at, counts)
        return counts

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """See `WmsStatus.site_status`."""
        self._life.check()
        sites = await self._wms.site_status()
        self._life.check()
        return sites

    async def close(self) -> None:
        """See `WmsStatus.close`."""


def _nothing() -> None:
    """Tell nobody."""
