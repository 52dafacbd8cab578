"""Two factories on one store, in a simulated world: one dies, stops or loses the store, the other goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from factory_stage import CHAIN, START, step

from autopyfactory.api import BatchSystem, Clock, PilotFilter, Store, StoreUnavailable, WmsStatus
from autopyfactory.control import Factory
from autopyfactory.control.ownership import Ownership
from autopyfactory.model import (
    CycleRecord,
    EndCause,
    FactoryId,
    Pilot,
    PilotId,
    PilotIds,
    PilotState,
    QueueName,
    WmsQueue,
    planned_at,
)
from autopyfactory.sim.draw import constant, uniform
from autopyfactory.sim.loop import VirtualClock, run_virtual
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import WMS, World, queue_config, world_config
from autopyfactory.store import SqlStore, open_store

T = TypeVar("T")

LEASE_S = 60.0
QUEUES = tuple(QueueName(name) for name in ("AGLT2", "BNL", "CERN"))
SITE = SiteSettings(slots=30, queue_latency_s=uniform(5, 60), startup_s=constant(10), lifetime_s=300)


class Gate:
    """Through it goes every await of one factory; shut, it is a process that was sent SIGSTOP."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def through(self, call: Callable[[], Awaitable[T]]) -> T:
        await self._open.wait()
        try:
            return await call()
        finally:
            await self._open.wait()


class Gated:
    """Any object of whose coroutines all are awaited through the gate."""

    def __init__(self, gate: Gate, inner: object) -> None:
        self._gate = gate
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name == "now":
            return found
        return lambda *given, **named: self._gate.through(lambda: found(*given, **named))


class CuttableStore:
    """A store whose server goes away and comes back."""

    def __init__(self, inner: SqlStore) -> None:
        self._inner = inner
        self.away = False
        self.when_planned: Callable[[], None] | None = None
        """Called once, when pilots have been planned and the caller does not know it yet."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*given: Any, **named: Any) -> Any:
            if self.away:
                raise StoreUnavailable("the server is away")
            result = await method(*given, **named)
            if self.when_planned and name == "plan_under" and given[2]:
                tell, self.when_planned = self.when_planned, None
                tell()
            return result

        return call


class Actor:
    """One factory of two, as a process that can be killed, stopped and continued."""

    def __init__(self, stage: "SharedStage", name: str, store: SqlStore, queues: Sequence[QueueName]) -> None:
        self.name = name
        self.gate = Gate()
        self.store = CuttableStore(store)
        world = stage.world
        config = stage.config(queues)
        loop = asyncio.get_running_loop()
        self.ownership = Ownership(Gated(self.gate, self.store), name, LEASE_S, loop.time)
        batch: dict[str, Any] = {
            site: Gated(self.gate, system) for site, system in world.batch(config).items()
        }
        self.factory = Factory(
            config,
            {WMS: cast("WmsStatus", Gated(self.gate, world.wms))},
            cast("dict[str, BatchSystem]", batch),
            cast("Store", Gated(self.gate, self.store)),
            cast("Clock", Gated(self.gate, world.clock)),
            PilotIds(world.random.getrandbits),
            ownership=self.ownership,
        )
        self._task: asyncio.Task[list[CycleRecord]] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.factory.run(), name=self.name)

    async def kill(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def stop(self) -> None:
        assert self._task is not None
        self.factory.stop()
        await self._task

    @property
    def owns(self) -> set[QueueName]:
        return {queue for queue in QUEUES if self.ownership.ours(queue)}


class SharedStage:
    """A world with three queues, and two factories on one store."""

    def __init__(self, stores: Sequence[SqlStore], **limits: Any) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed=3, sites={"site": SITE})
        self.site = self.world.sites["site"]
        self.reader = stores[2]
        self._limits = limits
        for queue in QUEUES:
            self.world.wms.queues[WmsQueue(queue)] = Work(payload_s=uniform(30, 200))
            self.world.wms.add(WmsQueue(queue), 2000)
        queues = limits.pop("queues", (QUEUES, QUEUES))
        self.first, self.second = (
            Actor(self, name, store, mine)
            for name, store, mine in zip(("first", "second"), stores, queues, strict=False)
        )

    def config(self, queues: Sequence[QueueName]) -> Any:
        total, here = self._limits.get("total"), self._limits.get("here")
        chain = [*CHAIN, step("max_per_factory", maximum=total)]
        return world_config(
            [queue_config(queue, chain, interval_s=20) for queue in queues],
            factory={"shared": True, "lease_s": LEASE_S, "max_per_factory": total},
            wms={"interval_s": 20},
            batch={"timeout_s": 60, "interval_s": 20, "max_pilots": here},
        )

    async def until(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        self.world.timeline.catch_up()

    async def pilots(self) -> list[Pilot]:
        return await self.reader.pilots(PilotFilter(limit=100_000))

    async def planned_since(self, when: datetime) -> set[QueueName]:
        return {pilot.queue for pilot in await self.pilots() if pilot.planned_at > when}

    def at_the_site(self) -> set[PilotId]:
        """Every pilot that the site ever had; it refuses to make one twice."""
        self.world.timeline.catch_up()
        return {*self.site.live.get(FactoryId("sim"), {}), *self.site.past}

    async def audit(self) -> None:
        """Compare the store with the site: nothing is lost, nothing is doubled."""
        assert not self.site.doubled
        stored = {pilot.id: pilot for pilot in await self.pilots()}
        there = self.at_the_site()
        assert there <= set(stored)
        believed = {
            name
            for name, pilot in stored.items()
            if pilot.cause not in (EndCause.UNSENT, EndCause.REFUSED)
            and pilot.state is not PilotState.PLANNED
        }
        assert believed == there
        assert not [pilot for pilot in stored.values() if pilot.state is PilotState.LOST]

    def live(self) -> int:
        self.world.timeline.catch_up()
        return len(self.site.live.get(FactoryId("sim"), {}))


def on_shared_stage(tmp_path: Path, play: Callable[[SharedStage], Awaitable[None]], **limits: Any) -> None:
    async def run() -> None:
        url = f"sqlite:///{tmp_path}/apf.db"
        stores = [await open_store(url, FactoryId("sim"), inline=True) for _ in range(3)]
        try:
            await play(SharedStage(stores, **limits))
        finally:
            for store in stores:
                await store.close()

    run_virtual(run(), START)


async def both_started(stage: SharedStage) -> None:
    stage.first.start()
    await stage.until(1)
    stage.second.start()
    await stage.until(300)
    assert stage.first.owns == set(QUEUES)
    assert stage.second.owns == set()


def test_when_the_owner_dies_the_other_takes_over_within_the_lease(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        await both_started(stage)
        await stage.first.kill()
        died = stage.clock.now()
        while stage.second.owns != set(QUEUES):
            await stage.until(1)
        assert (stage.clock.now() - died).total_seconds() <= LEASE_S
        await stage.until(1500)
        assert await stage.planned_since(died) == set(QUEUES)
        await stage.second.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


@pytest.mark.parametrize("moment_s", [0.0, 7.5, 13.0, 20.0, 20.01])
def test_whenever_the_owner_dies_nothing_is_lost_or_doubled(tmp_path: Path, moment_s: float) -> None:
    async def play(stage: SharedStage) -> None:
        stage.site.faults.slow_s = uniform(1, 12)
        await both_started(stage)
        await stage.until(moment_s)
        await stage.first.kill()
        await stage.until(1200)
        assert stage.second.owns == set(QUEUES)
        await stage.second.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


def test_an_orderly_stop_hands_over_at_the_next_beat(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        await both_started(stage)
        await stage.first.stop()
        await stage.until(LEASE_S / 6 + 1)
        assert stage.second.owns == set(QUEUES)
        await stage.second.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


@pytest.mark.parametrize("moment_s", [0.0, 1.0, 4.0, 9.0, 16.0, 19.9])
def test_an_owner_that_was_stopped_does_not_submit_when_it_wakes_up(tmp_path: Path, moment_s: float) -> None:
    """Stopped at whatever point of a cycle: also between its plan and its submission."""

    async def play(stage: SharedStage) -> None:
        stage.site.faults.slow_s = uniform(1, 12)
        await both_started(stage)
        await stage.until(moment_s)
        stage.first.gate.shut()
        stopped = stage.clock.now()
        await stage.until(3 * LEASE_S)
        assert stage.second.owns == set(QUEUES)
        woke, before = stage.clock.now(), stage.at_the_site()
        stage.second.gate.shut()  # so that nothing but its last submission is still on its way
        stage.first.gate.open()
        await stage.until(LEASE_S / 3)
        assert all(planned_at(pilot) > stopped for pilot in stage.at_the_site() - before)
        assert stage.first.owns == set()
        assert await stage.planned_since(woke) == set()
        stage.second.gate.open()
        await stage.until(900)
        for actor in (stage.first, stage.second):
            await actor.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


def test_what_was_planned_before_a_stop_is_not_submitted_after_it(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        await both_started(stage)
        stage.first.store.when_planned = stage.first.gate.shut
        await stage.until(2 * LEASE_S + 30)
        planned = {pilot.id for pilot in await stage.pilots() if pilot.state is PilotState.PLANNED}
        assert planned
        assert stage.second.owns == set(QUEUES)
        stage.first.gate.open()
        await stage.until(900)
        assert not planned & stage.at_the_site()
        ended = [pilot for pilot in await stage.pilots() if pilot.id in planned]
        assert {pilot.cause for pilot in ended} == {EndCause.UNSENT}
        for actor in (stage.first, stage.second):
            await actor.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


def test_a_short_stop_costs_nothing(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        await both_started(stage)
        stage.first.store.when_planned = stage.first.gate.shut
        while stage.first.store.when_planned is not None:
            await stage.until(1)
        planned = {pilot.id for pilot in await stage.pilots() if pilot.state is PilotState.PLANNED}
        await stage.until(LEASE_S / 6)
        assert planned
        assert not planned & stage.at_the_site()
        stage.first.gate.open()
        await stage.until(60)
        assert planned <= stage.at_the_site()
        assert stage.first.owns == set(QUEUES)
        for actor in (stage.first, stage.second):
            await actor.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


def test_while_the_store_is_away_nobody_submits_and_all_goes_on_by_itself(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        await both_started(stage)
        for actor in (stage.first, stage.second):
            actor.store.away = True
        before = stage.at_the_site()
        await stage.until(600)
        assert stage.at_the_site() == before
        for actor in (stage.first, stage.second):
            actor.store.away = False
        back = stage.clock.now()
        await stage.until(900)
        assert stage.first.owns | stage.second.owns == set(QUEUES)
        assert not stage.first.owns & stage.second.owns
        assert await stage.planned_since(back) == set(QUEUES)
        for actor in (stage.first, stage.second):
            await actor.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


def test_an_owner_that_loses_the_store_alone_is_replaced(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        await both_started(stage)
        stage.first.store.away = True
        await stage.until(LEASE_S)
        assert stage.second.owns == set(QUEUES)
        assert not any(stage.first.ownership.acts(queue) for queue in QUEUES)
        await stage.until(300)
        stage.first.store.away = False
        await stage.until(LEASE_S / 2)
        assert stage.first.owns == set()
        for actor in (stage.first, stage.second):
            await actor.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play)


@pytest.mark.parametrize("limit", ["total", "here"])
def test_limits_hold_for_both_together(tmp_path: Path, limit: str) -> None:
    async def play(stage: SharedStage) -> None:
        stage.first.start()
        stage.second.start()
        most, elsewhere = 0, set[int]()
        for _ in range(400):
            await stage.until(5)
            most = max(most, stage.live())
            for state in (cycle.state for cycle in (await stage.reader.latest()).values()):
                if state.pilots is not None and state.factory_total is not None:
                    elsewhere.add(state.factory_total - state.pilots.total)
            planned = sum(pilot.state.is_live for pilot in await stage.pilots())
            assert planned <= 13
        assert stage.first.owns == {QUEUES[0]}
        assert stage.second.owns == {QUEUES[1]}
        assert most == 13
        assert max(elsewhere) > 1, "the rules know of the other factory's pilots"
        for actor in (stage.first, stage.second):
            await actor.stop()
        await stage.audit()

    on_shared_stage(tmp_path, play, **{limit: 13}, queues=(QUEUES[:1], QUEUES[1:2]))


def test_a_factory_alone_starts_again_after_its_own_lease(tmp_path: Path) -> None:
    async def play(stage: SharedStage) -> None:
        stage.first.start()
        await stage.until(200)
        await stage.first.kill()
        stage.second.start()
        await stage.until(LEASE_S + 1)
        assert stage.second.owns == set(QUEUES)
        await stage.second.stop()
        assert {lease.owner for lease in (await stage.reader.leases()).values()} == {""}
        await stage.audit()

    on_shared_stage(tmp_path, play)
