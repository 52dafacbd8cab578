"""What is wrong at present, by what the store and this factory know."""

from datetime import datetime, timedelta
from typing import Protocol

from autopyfactory.api import CensusStore, DeskStore, NoticeStore, NoticeThresholds, StoreUnavailable
from autopyfactory.control.credential_ends import CredentialEnds
from autopyfactory.control.shared import Shared
from autopyfactory.model import EndpointHealth, Notice, QueueName
from autopyfactory.notify import (
    HOLE_WINDOW,
    Dry,
    black_holes,
    dry,
    expiring,
    failing,
    long_dry,
    starving,
    store_trouble,
    tripped,
)

_LATE = timedelta(minutes=2)
"""So much later than its time a cycle may come into the store, from another factory too."""
_AT_ONCE = 10_000
"""Samples that are read in one go: the first look reads hours, and others want to use the store meanwhile."""


class NoticeSource(DeskStore, CensusStore, NoticeStore, Protocol):
    """What notices are derived from, and kept in."""


class Findings:
    """Looks at what is wrong.  What the store does not tell at a look is as it was at the one before."""

    def __init__(self, source: NoticeSource, shared: Shared, credentials: CredentialEnds) -> None:
        self._source = source
        self._shared = shared
        self._credentials = credentials
        self._limits: NoticeThresholds | None = None
        self._dry: dict[QueueName, Dry] = {}
        self._read_until: datetime | None = None
        self._stored: list[Notice] = []
        self._others: dict[str, EndpointHealth] = {}
        self._trouble_since: datetime | None = None

    async def at(self, now: datetime) -> tuple[Notice, ...]:
        """Return all that is wrong now, each thing once."""
        shared = self._shared
        limits = shared.customs.config.notices
        trouble = shared.ledger.trouble
        try:
            await self._read(now, limits)
        except StoreUnavailable as error:
            trouble = trouble or str(error)
        self._trouble_since = (self._trouble_since or now) if trouble else None
        found = [
            *self._stored,
            *failing(self._health(), now, limits),
            *expiring(await self._credentials.known(), now, limits),
            *store_trouble(trouble, self._trouble_since or now),
        ]
        return tuple({notice.key: notice for notice in found}.values())

    async def _read(self, now: datetime, limits: NoticeThresholds) -> None:
        """Take in what only the store knows; raises `StoreUnavailable`."""
        source = self._source
        await self._read_samples(now, limits)
        await self._shared.orders.refresh(now)
        heeded = self._heeded(now)
        thirsty = {queue: self._dry[queue] for queue in long_dry(self._dry, now, limits) & heeded}
        latest = (await source.latest()).values() if thirsty else ()
        tallies = await source.host_tallies(now - HOLE_WINDOW, limits.hole_wall_s)
        cycles = await source.newest_cycles()
        self._others = dict(await source.health())
        self._stored = [
            *starving(thirsty, latest),
            *black_holes(tallies, limits),
            *tripped(cycle for cycle in cycles if cycle.sample.queue in heeded),
        ]

    async def _read_samples(self, now: datetime, limits: NoticeThresholds) -> None:
        if self._read_until is None or limits != self._limits:
            self._dry, self._limits = {}, limits
            self._read_until = now - timedelta(seconds=2 * limits.starving_s)
        since, at_once = self._read_until - _LATE, _AT_ONCE
        while True:
            samples = await self._source.samples(since, limit=at_once)
            self._dry = dry(samples, self._dry)
            if len(samples) < at_once:
                break
            # those of the last instant are read again, which does no harm; more of it may be left
            at_once = at_once if samples[-1].at > since else 2 * at_once
            since = samples[-1].at
        self._read_until = now

    def _heeded(self, now: datetime) -> set[QueueName]:
        """Return the queues that should be submitting."""
        shared = self._shared
        return {
            name
            for name, queue in shared.customs.config.queues.items()
            if queue.settings.enabled and not shared.orders.holds_back(name, now)
        }

    def _health(self) -> list[EndpointHealth]:
        """Return the health of what is configured: as this factory sees it, of others' queues as they do."""
        config, health = self._shared.customs.config, self._shared.health
        endpoints = [
            *(f"wms.{name}" for name in config.wms),
            *(label for name in config.batch for label in (f"batch.{name}", f"batch.{name}.submit")),
        ]
        found = [health.of(name) for name in endpoints]
        for queue, settings in config.queues.items():
            name = f"queue.{queue}"
            if not settings.settings.enabled:
                continue
            ours = self._shared.tenure.ours(queue)
            found.append(health.of(name) if ours else self._others.get(name) or EndpointHealth(name))
        return found
