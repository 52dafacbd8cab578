"""What the factory asks of one WMS endpoint."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from autopyfactory.api import WmsStatus, WmsUnavailable
from autopyfactory.config.tree import Endpoint
from autopyfactory.control.boundary import ask
from autopyfactory.model import JobCounts, SiteStatus, WmsQueue


@dataclass(frozen=True, slots=True)
class WmsAnswer:
    """One good answer of a WMS: all of its queues."""

    counts: Mapping[WmsQueue, JobCounts]
    sites: Mapping[WmsQueue, SiteStatus]


def question(endpoint: Endpoint, wms: WmsStatus) -> Callable[[datetime], Awaitable[WmsAnswer]]:
    """Return what a poller asks a WMS; raises `WmsUnavailable` unless both halves are good."""
    label = f"wms.{endpoint.name}"
    timeout_s = endpoint.common.timeout_s

    async def put(_asked_at: datetime) -> WmsAnswer:
        counts = await ask(label, wms.counts(), timeout_s, WmsUnavailable)
        sites = await ask(label, wms.site_status(), timeout_s, WmsUnavailable)
        return WmsAnswer(counts, sites)

    return put
