"""A whole world in one event loop: a WMS, sites, and the real factory between them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from autopyfactory.api import BatchSystem, ChainStep, Clock, Notifier, Overrides, Settings, Store, WmsStatus
from autopyfactory.config.tree import (
    BatchEndpoint,
    BatchEndpointSettings,
    Config,
    Endpoint,
    EndpointSettings,
    FactorySettings,
    QueueConfig,
    QueueSettings,
)
from autopyfactory.control import Factory
from autopyfactory.control.findings import NoticeSource
from autopyfactory.control.ownership import Ownership
from autopyfactory.model import CycleRecord, FactoryId, PilotIds, PilotSpec, QueueName, WmsQueue
from autopyfactory.sim.batch import SimBatch
from autopyfactory.sim.site import SimSite, SiteSettings
from autopyfactory.sim.timeline import Timeline
from autopyfactory.sim.wms import SimWms

WMS = "wms"
"""Name of the world's only WMS endpoint."""


def queue_config(
    name: str, chain: Sequence[ChainStep], site: str = "site", **settings: object
) -> QueueConfig:
    """Return a factory queue that serves the WMS queue of its own name at a simulated site."""
    return QueueConfig(
        name=QueueName(name),
        settings=QueueSettings.model_validate({"wms": WMS, "batch": site, **settings}),
        wms_queue=WmsQueue(name),
        chain=tuple(chain),
        spec=PilotSpec(QueueName(name), executable=Path("/bin/true")),
    )


def world_config(
    queues: Iterable[QueueConfig],
    *,
    factory: Mapping[str, object] | None = None,
    wms: Mapping[str, object] | None = None,
    batch: Mapping[str, object] | None = None,
) -> Config:
    """Return the configuration of a factory in a simulated world; the mappings are settings by key."""
    listed = list(queues)
    sites = {queue.settings.batch for queue in listed}
    wms_settings = EndpointSettings.model_validate({"plugin": "sim", **(wms or {})})
    batch_settings = BatchEndpointSettings.model_validate({"plugin": "sim", **(batch or {})})
    return Config(
        factory=FactorySettings.model_validate({"id": "sim", **(factory or {})}),
        wms={WMS: Endpoint(WMS, SimWms, wms_settings, Settings())},
        batch={name: BatchEndpoint(name, SimBatch, batch_settings, Settings()) for name in sorted(sites)},
        queues={queue.name: queue for queue in listed},
    )


class World:
    """A WMS and its sites; factories come and go.

    The world outlives every factory, as the real one does: `start` a factory, `crash` it at any moment, and
    start another one on the same store.
    """

    def __init__(
        self, clock: Clock, seed: int, sites: Mapping[str, SiteSettings], *, lease_s: float = 0
    ) -> None:
        self.clock = clock
        self.random = Random(seed)
        self.timeline = Timeline(clock)
        self.wms = SimWms(self.timeline, self.random, lease_s=lease_s)
        self.sites = {
            name: SimSite(self.timeline, self.random, settings, payloads=self.wms)
            for name, settings in sites.items()
        }
        self._ids = PilotIds(self.random.getrandbits)

    def batch(self, config: Config) -> dict[str, BatchSystem]:
        """Return a factory's own ways to the sites."""
        tag = FactoryId(config.factory.id)
        return {name: SimBatch(self.sites[name], tag) for name in config.batch}

    def factory(
        self,
        config: Config,
        store: Store,
        *,
        wms: WmsStatus | None = None,
        batch: Mapping[str, BatchSystem] | None = None,
        overrides: Overrides | None = None,
        ownership: Ownership | None = None,
        notices: NoticeSource | None = None,
        notifiers: Mapping[str, Notifier] | None = None,
    ) -> Factory:
        """Return a new factory of this world; ``wms`` and ``batch`` stand between it and the world's own."""
        sites = self.batch(config) if batch is None else batch
        return Factory(
            config,
            {WMS: wms or self.wms},
            sites,
            store,
            self.clock,
            self._ids,
            overrides=overrides,
            ownership=ownership,
            notices=notices,
            notifiers=notifiers,
        )

    def start(self, factory: Factory) -> asyncio.Task[list[CycleRecord]]:
        """Have a factory run in a task of its own."""
        return asyncio.create_task(factory.run(), name="factory")

    async def crash(self, running: asyncio.Task[list[CycleRecord]]) -> None:
        """End a factory as kill -9 would: nothing of it runs again, nothing is put in order."""
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
