"""What one factory is connected to the simulated world by: lines that tell a witness, fail, and are cut."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextvars import Context
from typing import Any, TypeVar

from autopyfactory.api import (
    BatchSystem,
    Clock,
    Deadline,
    Lease,
    StoreUnavailable,
    SubmitTooLate,
    Terms,
    WmsStatus,
)
from autopyfactory.model import (
    BatchStatus,
    CycleRecord,
    Ending,
    JobCounts,
    Pilot,
    PilotId,
    PilotSpec,
    QueueName,
    SiteStatus,
    SubmitResult,
    Transition,
    WmsQueue,
)
from autopyfactory.sim.dst.twins import StopKind
from autopyfactory.sim.dst.witness import Witness
from autopyfactory.sim.faults import Luck, StoreFaults
from autopyfactory.sim.process import Process
from autopyfactory.store import SqlStore

T = TypeVar("T")


class Life:
    """One run of a factory, from its start to its death.

    It dies when `end` is called, or by itself before or after a call of the store.  From then on nothing
    that is left of it reaches the world: its tasks are cancelled, and as they come to their end every line
    answers with a cancellation.  One that is a process can also be stopped for a while.
    """

    def __init__(
        self,
        number: int,
        dies_at_store_call: int | None = None,
        process: Process | None = None,
        stops_at: Mapping[tuple[StopKind, int], float] | None = None,
    ) -> None:
        """Store calls are counted from 0: 2·n is before the n-th one, 2·n + 1 is after it; plans as well.

        ``stops_at``: for how many seconds it stands still, at a store call or after a plan.
        """
        self.number = number
        self.dead = asyncio.Event()
        self.process = process
        self._dies_at = dies_at_store_call
        self._stops_at = stops_at or {}
        self._moments = self._plans = 0
        self.stops = 0
        """How often it stood still."""

    def end(self) -> None:
        """Die."""
        self.dead.set()

    def check(self) -> None:
        """Raise the cancellation that ends a task of a factory that is dead."""
        if self.dead.is_set():
            raise asyncio.CancelledError

    def stand_still(self, for_s: float) -> None:
        """Stop, and go on after that time."""
        process = self.process
        if process is not None and not process.stopped:
            self.stops += 1
            process.stop()
            asyncio.get_running_loop().call_later(for_s, process.go_on, context=Context())

    @property
    def stands_still(self) -> bool:
        """Whether it does at this moment."""
        return self.process is not None and self.process.stopped

    async def pass_store_moment(self) -> None:
        """Pass the moment before or after a call of the store, stand still there, or die at it."""
        if self._moments == self._dies_at:
            self.end()
        moment = self._moments
        self._moments += 1
        self.check()
        await self._stop_at("store", moment)

    async def pass_plan(self) -> None:
        """Pass the moment after pilots were planned, or stand still there."""
        plan = self._plans
        self._plans += 1
        await self._stop_at("plan", plan)

    async def _stop_at(self, kind: StopKind, n: int) -> None:
        for_s = self._stops_at.get((kind, n))
        if for_s is not None:
            self.stand_still(for_s)
            await asyncio.sleep(0)
            self.check()

    async def reach(self, call: Coroutine[Any, Any, T]) -> T:
        """Return what somebody outside answers, who goes on while this life stands still."""
        return await (call if self.process is None else self.process.outside(call))


class StoreLine:
    """A store between a factory and the real one.  Every call is a place to fail, to wait and to die."""

    def __init__(
        self, store: SqlStore, life: Life, witness: Witness, faults: StoreFaults, luck: Luck, clock: Clock
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
            lambda _: self._witness.planned(self._life.number, cycle, pilots, endpoint),
        )

    async def record(self, changes: Sequence[Transition]) -> None:
        """See `Store.record`."""
        await self._pass(
            "record", lambda: self._store.record(changes), lambda _: self._witness.recorded(changes)
        )

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """See `Store.adopt`."""
        await self._pass("adopt", lambda: self._store.adopt(pilots), lambda _: self._witness.adopted(pilots))

    async def claim(self, wanted: Mapping[QueueName, Lease | None], owner: str) -> Mapping[QueueName, int]:
        """See `LeaseStore.claim`."""
        return await self._pass(  # type: ignore[no-any-return]
            "claim",
            lambda: self._store.claim(wanted, owner),
            lambda gained: self._witness.leases.claimed(self._life.number, gained),
        )

    async def give_back(self, queues: Collection[QueueName], owner: str) -> None:
        """See `LeaseStore.give_back`."""
        await self._pass(
            "give back",
            lambda: self._store.give_back(queues, owner),
            lambda _: self._witness.leases.given_back(self._life.number, queues),
        )

    async def plan_under(
        self, terms: Terms, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str
    ) -> int:
        """See `LeaseStore.plan_under`."""

        def tell(_: object) -> None:
            self._witness.leases.wrote(self._life.number, {cycle.queue})
            self._witness.planned(self._life.number, cycle, pilots, endpoint)

        kept: int = await self._pass(
            "plan", lambda: self._store.plan_under(terms, cycle, pilots, endpoint), tell
        )
        if pilots:
            await self._life.pass_plan()
        return kept

    async def record_under(self, fences: Mapping[QueueName, int], changes: Sequence[Transition]) -> None:
        """See `LeaseStore.record_under`."""

        def tell(_: object) -> None:
            queues = {self._witness.believed[change.pilot].queue for change in changes}
            self._witness.leases.wrote(self._life.number, queues)
            self._witness.recorded(changes)

        await self._pass("record", lambda: self._store.record_under(fences, changes), tell)

    async def adopt_under(self, fences: Mapping[QueueName, int], pilots: Sequence[Pilot]) -> None:
        """See `LeaseStore.adopt_under`."""

        def tell(_: object) -> None:
            self._witness.leases.wrote(self._life.number, {pilot.queue for pilot in pilots})
            self._witness.adopted(pilots)

        await self._pass("adopt", lambda: self._store.adopt_under(fences, pilots), tell)

    def __getattr__(self, name: str) -> Any:
        """Return any other method of the store, as faulty as those above."""
        method = getattr(self._store, name)
        return lambda *given, **named: self._pass(name, lambda: method(*given, **named), _nothing)

    async def _pass(self, what: str, call: Callable[[], Awaitable[Any]], tell: Callable[[Any], None]) -> Any:
        self._life.check()
        async with self._lane:
            if self._faults.slow_s is not None:
                await self._clock.sleep(self._luck.delay_s(self._faults.slow_s))
            await self._life.pass_store_moment()
            if self._faults.cut or self._luck.strikes(self._faults.fails):
                raise StoreUnavailable(f"the simulated store does not serve: {what}")
            result = await call()
            tell(result)
            await self._life.pass_store_moment()
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
        self._witness.submitting(self._life.number, self._name, spec, pilots)
        try:
            result = await self._life.reach(self._system.submit(spec, pilots, deadline=deadline))
        except SubmitTooLate:
            self._witness.never_sent(pilots)
            raise
        except Exception as error:
            self._witness.note("batch", f"{self._name}: {type(error).__name__}: {error}")
            raise
        self._life.check()
        return result

    async def status(self) -> Mapping[PilotId, BatchStatus]:
        """See `BatchSystem.status`."""
        self._life.check()
        asked_at = self._clock.now()
        listing = await self._life.reach(self._system.status())
        self._life.check()
        self._witness.listed(self._life.number, self._name, asked_at, listing)
        return listing

    async def ended(self, pilots: Collection[PilotId]) -> Mapping[PilotId, Ending]:
        """See `BatchSystem.ended`."""
        self._life.check()
        endings = await self._life.reach(self._system.ended(pilots))
        self._life.check()
        return endings

    async def cancel(self, pilots: Collection[PilotId], **how: Any) -> None:
        """See `BatchSystem.cancel`."""
        self._life.check()
        self._witness.cancelling(
            self._life.number, self._name, pilots, waiting_only=how.get("waiting_only", False)
        )
        await self._life.reach(self._system.cancel(pilots, **how))
        self._life.check()

    def __getattr__(self, name: str) -> Any:
        """Return any other method of the batch system."""
        method = getattr(self._system, name)

        async def call(*given: Any, **named: Any) -> Any:
            self._life.check()
            result = await self._life.reach(method(*given, **named))
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
        counts = await self._life.reach(self._wms.counts())
        self._life.check()
        self._witness.counted(self._life.number, asked_at, counts)
        return counts

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """See `WmsStatus.site_status`."""
        self._life.check()
        sites = await self._life.reach(self._wms.site_status())
        self._life.check()
        return sites

    async def close(self) -> None:
        """See `WmsStatus.close`."""


def _nothing(_: object) -> None:
    """Tell nobody."""
