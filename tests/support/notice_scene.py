"""A simulated world whose factory tells what is wrong."""

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
        self.instead: Callable[[], Awaitable[object]] | None = None

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
        return self.world.factory(
            self.config, self.store, overrides=self.store, notices=self.store, notifiers=notifiers
        )

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
