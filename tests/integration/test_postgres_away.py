"""A factory whose PostgreSQL is stopped or frozen: it submits nothing, keeps watching, and goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from factory_stage import CHAIN
from postgres_server import needs_postgres
from private_postgres import PrivateServer, private_server

from autopyfactory.api import StoreUnavailable, SystemClock
from autopyfactory.model import FactoryId, WmsQueue
from autopyfactory.sim.draw import constant
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import World, queue_config, world_config
from autopyfactory.store import SqlStore, database, open_store

__all__ = ["private_server"]
pytestmark = needs_postgres

SITE = SiteSettings(slots=500, queue_latency_s=constant(0.1), startup_s=constant(0.2), lifetime_s=1)
SILENT_S = 2.0
FOR_S = 6.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "SILENT_AFTER_S", SILENT_S)


async def test_a_call_to_a_frozen_server_comes_back(private_server: PrivateServer) -> None:
    store = await open_store(private_server.url + "?connect_timeout=2", FactoryId("sim"))
    with private_server.frozen():
        began = asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailable, match="does not serve"):
            await store.live()
        assert asyncio.get_running_loop().time() - began < FOR_S
    assert await store.live() == []
    await store.close()


class Scene:
    """A factory in real time, with simulated sites, on a real server."""

    def __init__(self, store: SqlStore) -> None:
        self.world = World(SystemClock(), seed=1, sites={"site": SITE})
        self.site = self.world.sites["site"]
        self.world.wms.queues[WmsQueue("Q")] = Work(payload_s=constant(0.3), ready=100_000)
        often = {"interval_s": 0.2}
        config = world_config([queue_config("Q", CHAIN, interval_s=0.2)], wms=often, batch=often)
        self.factory = self.world.factory(config, store)
        self.polled = 0
        status = self.world.wms.counts

        async def counts() -> object:
            self.polled += 1
            return await status()

        self.world.wms.counts = counts  # type: ignore[method-assign, assignment]

    @property
    def submitted(self) -> int:
        return sum(self.site.submitted.values())

    async def goes_on(self) -> None:
        before = self.submitted
        async with asyncio.timeout(60):
            while self.submitted == before:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def scene_on(server: PrivateServer) -> AsyncIterator[Scene]:
    store = await open_store(server.url + "?connect_timeout=2", FactoryId("sim"))
    scene = Scene(store)
    running = scene.world.start(scene.factory)
    try:
        await scene.goes_on()
        yield scene
    finally:
        scene.factory.stop()
        await running
        await store.close()


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_nothing_is_submitted_meanwhile(private_server: PrivateServer, how: str) -> None:
    async with scene_on(private_server) as scene:
        async with gone(private_server, how):
            async with asyncio.timeout(30):
                while not scene.factory.store_trouble:
                    await asyncio.sleep(0.05)
            submitted, polled = scene.submitted, scene.polled
            await asyncio.sleep(FOR_S)  # real time: in which more would be submitted
            assert scene.submitted == submitted
            assert scene.polled > polled, "it keeps watching"
        await scene.goes_on()
        assert not scene.site.doubled


@asynccontextmanager
async def gone(server: PrivateServer, how: str) -> AsyncIterator[None]:
    if how == "frozen":
        with server.frozen():
            yield
        return
    await asyncio.to_thread(server.down)
    try:
        yield
    finally:
        await asyncio.to_thread(server.up)
