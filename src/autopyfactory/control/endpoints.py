"""All endpoints of a factory, each with its poller; they change when the configuration does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

from autopyfactory.api import (
    AutoPyFactoryError,
    BatchSystem,
    BatchUnavailable,
    WmsStatus,
    WmsUnavailable,
)
from autopyfactory.config.tree import BatchEndpoint, Config, Endpoint
from autopyfactory.control import wms as wms_endpoint
from autopyfactory.control.boundary import ask
from autopyfactory.control.endpoint import BatchSite, Listing
from autopyfactory.control.poll import Poller
from autopyfactory.control.shared import Shared

logger = logging.getLogger(__name__)


class Endpoints:
    """The WMS and batch endpoints, by name."""

    def __init__(self, shared: Shared, *, tending: Callable[[], bool]) -> None:
        """Make none yet; ``tending`` says whether pilots may be removed and released (not in a dry run)."""
        self._shared = shared
        self._tending = tending
        self._systems: dict[str, WmsStatus | BatchSystem] = {}
        self._known: dict[str, Endpoint] = {}
        self.wms: dict[str, Poller[wms_endpoint.WmsAnswer]] = {}
        self.sites: dict[str, BatchSite] = {}
        self.watched: dict[str, Poller[Listing]] = {}

    def add(
        self,
        endpoints: Iterable[Endpoint],
        wms: Mapping[str, WmsStatus],
        batch: Mapping[str, BatchSystem],
    ) -> None:
        """Take in endpoints, each over the one of the same name, with the plugin objects of their names."""
        for endpoint in endpoints:
            if isinstance(endpoint, BatchEndpoint):
                self._add_batch(endpoint, batch[endpoint.name])
            else:
                self._add_wms(endpoint, wms[endpoint.name])

    def _add_wms(self, endpoint: Endpoint, system: WmsStatus) -> None:
        label = f"wms.{endpoint.name}"
        self._known[label], self._systems[label] = endpoint, system
        question = wms_endpoint.question(endpoint, system)
        shared = self._shared
        self.wms[endpoint.name] = Poller(
            label, question, WmsUnavailable, endpoint.common, shared.clock, shared.health
        )

    def _add_batch(self, endpoint: BatchEndpoint, system: BatchSystem) -> None:
        label = f"batch.{endpoint.name}"
        self._known[label], self._systems[label] = endpoint, system
        site = BatchSite(endpoint, system, self._shared)
        shared = self._shared
        self.sites[endpoint.name] = site
        self.watched[endpoint.name] = Poller(
            label, self._watch(site), BatchUnavailable, endpoint.common, shared.clock, shared.health
        )

    def changed(self, config: Config) -> tuple[set[str], set[str]]:
        """Return the labels of endpoints that are new or different there, and of those that are gone."""
        wanted = labelled(config)
        new = {label for label, endpoint in wanted.items() if self._known.get(label) != endpoint}
        return new, self._known.keys() - wanted.keys()

    @property
    def labels(self) -> frozenset[str]:
        """The labels of all of them."""
        return frozenset(self._known)

    @property
    def systems(self) -> Mapping[str, WmsStatus | BatchSystem]:
        """The plugins at work, by label."""
        return self._systems

    def is_idle(self, label: str) -> bool:
        """Whether no pilot lives at an endpoint (of a WMS: always)."""
        kind, _, name = label.partition(".")
        return kind == "wms" or self._shared.roster.is_empty(name)

    async def drop(self, label: str) -> None:
        """Let go of an endpoint; its loop and those of its queues have been stopped."""
        kind, _, name = label.partition(".")
        if kind == "wms":
            del self.wms[name]
        else:
            del self.sites[name], self.watched[name]
        timeout_s = self._known.pop(label).common.timeout_s
        try:
            await ask(label, self._systems.pop(label).close(), timeout_s, BatchUnavailable)
        except AutoPyFactoryError as error:
            # it is gone all the same; the queues of the others wait to go on
            logger.warning("not closed in good order: %s", error, extra={"endpoint": label})

    async def poll_all(self) -> None:
        """Ask all once, batch systems first: what starts in between counts as waiting, never as missing."""
        await asyncio.gather(*(poller.poll() for poller in self.watched.values()))
        await asyncio.gather(*(poller.poll() for poller in self.wms.values()))

    async def grant_wishes(self) -> None:
        """Ask the batch systems once more where pilots are to be removed."""
        wished = [self.watched[name] for name, site in self.sites.items() if site.has_wishes]
        await asyncio.gather(*(poller.poll() for poller in wished))

    def _watch(self, site: BatchSite) -> Callable[[datetime], Awaitable[Listing]]:
        async def observe(asked_at: datetime) -> Listing:
            listing = await site.observe(asked_at)
            if self._tending():
                await site.tend(listing, asked_at)
            return listing

        return observe


def labelled(config: Config) -> Mapping[str, Endpoint]:
    """Return the endpoints of a configuration by label: ``wms.NAME``, ``batch.NAME``."""
    return {
        **{f"wms.{name}": endpoint for name, endpoint in config.wms.items()},
        **{f"batch.{name}": endpoint for name, endpoint in config.batch.items()},
    }
