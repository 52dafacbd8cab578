"""A stage for the real factory: a simulated world with one queue, and a real store."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from autopyfactory.api import ChainStep, Kind, PilotFilter, find_plugin
from autopyfactory.control import Factory
from autopyfactory.model import FactoryId, PilotState, QueueName, WmsQueue
from autopyfactory.sim.draw import constant, uniform
from autopyfactory.sim.loop import VirtualClock, run_virtual
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import World, queue_config, world_config
from autopyfactory.store import SqlStore, open_store

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUEUE = QueueName("BNL")
SITE = SiteSettings(slots=20, queue_latency_s=uniform(5, 60), startup_s=constant(10), lifetime_s=7200)
T = TypeVar("T")


def step(name: str, **settings: object) -> ChainStep:
    return ChainStep(name, find_plugin(Kind.SCHED, name).model_validate(settings))


CHAIN = [step("ready"), step("max_per_cycle", maximum=10), step("max_pending", maximum=15)]


class Stage:
    """A world with one queue, and the store of its factory."""

    def __init__(self, store: SqlStore, jobs: int = 0) -> None:
        self.store = store
        self.world = World(VirtualClock(), seed=1, sites={"site": SITE})
        self.site = self.world.sites["site"]
        self.config = world_config([queue_config(QUEUE, CHAIN)], batch={"timeout_s": 60})
        self.world.wms.queues[WmsQueue(QUEUE)] = Work(payload_s=uniform(600, 1800))
        if jobs:
            self.world.wms.add(WmsQueue(QUEUE), jobs)

    def factory(self) -> Factory:
        return self.world.factory(self.config, self.store)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Factory]:
        """Run a factory, and stop it in good order."""
        factory = self.factory()
        run = self.world.start(factory)
        yield factory
        factory.stop()
        await run

    async def until(self, seconds: float) -> None:
        await self.world.clock.sleep(seconds)
        self.world.timeline.catch_up()

    async def states(self) -> list[PilotState]:
        return [pilot.state for pilot in await self.store.pilots(PilotFilter(limit=10_000))]

    @property
    def work(self) -> Work:
        return self.world.wms.queues[WmsQueue(QUEUE)]


def on_stage(tmp_path: Path, play: Callable[[Stage], Awaitable[T]], jobs: int = 0) -> T:
    async def run() -> T:
        store = await open_store(f"sqlite:///{tmp_path}/apf.db", FactoryId("sim"), inline=True)
        try:
            return await play(Stage(store, jobs))
        finally:
            await store.close()

    return run_virtual(run(), START)
