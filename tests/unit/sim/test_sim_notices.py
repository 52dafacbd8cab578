"""Notices in a simulated world: what goes wrong there is told once, and its end is told once."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory_stage import step

from autopyfactory.api import ChainStep, NoticeThresholds, NotifySettings, Settings
from autopyfactory.config.tree import Config, NotifyTarget
from autopyfactory.control import Factory
from autopyfactory.model import FactoryId, QueueName, SiteStatus, WmsQueue
from autopyfactory.sim.draw import constant
from autopyfactory.sim.loop import VirtualClock, run_virtual
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import World, queue_config, world_config
from autopyfactory.store import SqlStore, open_store

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
BNL = QueueName("BNL")
HOUR_S = 3600.0


class Pigeon:
    """A notifier that keeps what it was given, or does what a test wants."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.closed = 0
        self.instead: Callable[[], Awaitable[None]] | None = None

    async def send(self, title: str, body: str) -> None:
        if self.instead is not None:
            await self.instead()
        self.told.append(title)

    async def close(self) -> None:
        self.closed += 1


class Scene:
    """A world with one queue at one site, whose factory tells a pigeon."""

    def __init__(self, store: SqlStore, site: SiteSettings, chain: list[ChainStep]) -> None:
        self.store = store
        self.world = World(VirtualClock(), seed=3, sites={"site": site})
        self.site = self.world.sites["site"]
        self.world.wms.sites[WmsQueue(BNL)] = SiteStatus.ONLINE
        self.work = self.world.wms.queues[WmsQueue(BNL)] = Work(payload_s=constant(600))
        self.pigeon = Pigeon()
        self.config = with_notify(world_config([queue_config(BNL, chain)]), ops={})

    def factory(self, pigeon: Pigeon | None = None) -> Factory:
        notifiers = {"ops": pigeon or self.pigeon}
        return self.world.factory(self.config, self.store, notices=self.store, notifiers=notifiers)

    def repair(self) -> None:
        """Have pilots fail no longer."""
        self.site.settings = replace(self.site.settings, failed_share=0, black_holes=0)

    async def later(self, hours: float) -> None:
        await self.world.clock.sleep(hours * HOUR_S)
        self.world.timeline.catch_up()


def with_notify(config: Config, **channels: dict[str, Any]) -> Config:
    common = {
        name: NotifySettings.model_validate({"plugin": "pigeon", **settings})
        for name, settings in channels.items()
    }
    targets = {name: NotifyTarget(name, Pigeon, settings, Settings()) for name, settings in common.items()}
    return replace(config, notify=targets, notices=NoticeThresholds())


def on_scene(
    tmp_path: Path,
    play: Callable[[Scene], Awaitable[None]],
    site: SiteSettings | None = None,
    chain: list[ChainStep] | None = None,
) -> None:
    async def run() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/apf.db", FactoryId("sim"), inline=True)
        try:
            rules = chain or [step("ready"), step("max_pending", maximum=20)]
            await play(Scene(store, site or SiteSettings(slots=20), rules))
        finally:
            await store.close()

    run_virtual(run(), START)


async def run_for(scene: Scene, *hours: float, between: Callable[[], None] = lambda: None) -> list[list[str]]:
    """Run a factory, and return what was told by each of these times."""
    factory = scene.factory()
    running = scene.world.start(factory)
    told = []
    for n, span in enumerate(hours):
        if n:
            between()
        await scene.later(span)
        told.append(list(scene.pigeon.told))
    factory.stop()
    await running
    assert scene.pigeon.closed == 1
    return told


def test_a_queue_that_starves_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 500
        before, during, after = await run_for(scene, 1, 1.9, 2)
        assert before == []
        (title,) = during
        assert title.startswith("sim: queue.BNL starves: 500 jobs are ready, no pilot runs (20 wait)")
        (_, title) = after
        assert title.startswith("sim: resolved: queue.BNL starves")

    on_scene(tmp_path, play, SiteSettings(slots=20, queue_latency_s=constant(3 * HOUR_S)))


def test_a_black_hole_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.config = with_notify(scene.config, ops={"repeat_s": 12 * HOUR_S})
        scene.work.ready = 10_000
        during, after = await run_for(scene, 2, 7, between=scene.repair)
        (title,) = during
        assert title.startswith("sim: node node000.sim: ")
        (_, title) = after
        assert title.startswith("sim: resolved: node node000.sim: ")

    on_scene(tmp_path, play, SiteSettings(slots=24, black_holes=1))


def test_submissions_that_are_refused_are_told_once_and_their_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 10_000
        scene.site.faults.submit_rejected = 1

        def takes_them_again() -> None:
            scene.site.faults.submit_rejected = 0

        during, after = await run_for(scene, 0.4, 2, between=takes_them_again)
        (title,) = during
        assert title.startswith("sim: queue.BNL: ")
        assert "submissions failed in a row, backing off" in title
        (_, title) = after
        assert title.startswith("sim: resolved: queue.BNL: ")

    on_scene(tmp_path, play)


def test_a_breaker_that_opens_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 10_000
        during, after = await run_for(scene, 0.9, 4, between=scene.repair)
        (title,) = during
        assert title.startswith("sim: queue.BNL: the breaker is open")
        (_, title) = after
        assert title.startswith("sim: resolved: queue.BNL: the breaker is open")

    rules = [step("ready"), step("max_pending", maximum=20), step("breaker")]
    on_scene(tmp_path, play, SiteSettings(slots=20, slots_per_node=1, failed_share=1), rules)
