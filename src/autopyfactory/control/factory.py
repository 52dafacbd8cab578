"""The factory: pollers, queues and housekeeping, run together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from autopyfactory.api import (
    BatchSystem,
    BatchUnavailable,
    Clock,
    Store,
    StoreRefused,
    WmsStatus,
    WmsUnavailable,
)
from autopyfactory.config.tree import Config, LifeSettings
from autopyfactory.control import wms as wms_endpoint
from autopyfactory.control.cycle import HISTORY_KEPT, QueueCycle, Shared
from autopyfactory.control.endpoint import BatchSite, Listing
from autopyfactory.control.health import HealthBook
from autopyfactory.control.ledger import Ledger
from autopyfactory.control.poll import Poller
from autopyfactory.control.roster import Roster
from autopyfactory.control.watch import Patience
from autopyfactory.model import CycleRecord, PilotIds, QueueName

logger = logging.getLogger(__name__)

HOUSEKEEPING_S = 600.0


class Factory:
    """A whole pilot factory.

    `run` observes, decides and submits until `stop` is called; then it lets submissions that are under
    way come to their end and returns.  Pilots live on; the next run finds them by the store and by tag.
    """

    def __init__(
        self,
        config: Config,
        wms: Mapping[str, WmsStatus],
        batch: Mapping[str, BatchSystem],
        store: Store,
        clock: Clock,
        ids: PilotIds,
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._stopping = asyncio.Event()
        self._dry_run = False
        self._roster = Roster()
        self._health = HealthBook()
        self._ledger = Ledger(store, self._roster, self._health)
        self._wms = self._wms_pollers(wms)
        self._sites = self._batch_sites(batch)
        self._watched = self._batch_pollers()
        shared = Shared(self._roster, self._ledger, self._health, clock, ids)
        self._queues = [
            QueueCycle(
                queue,
                self._wms[queue.settings.wms],
                self._sites[queue.settings.batch],
                self._watched[queue.settings.batch],
                shared,
            )
            for queue in config.queues.values()
        ]

    def stop(self) -> None:
        """Ask `run` to return as soon as nothing is under way."""
        self._stopping.set()

    @property
    def store_trouble(self) -> str:
        """Why the store does not serve, so that nothing is submitted; empty where it does."""
        return self._ledger.trouble

    async def run(self, *, cycles: int | None = None, dry_run: bool = False) -> list[CycleRecord]:
        """Run until `stop`, or that many cycles of every queue; return the last record of each queue.

        Raises `StoreUnavailable` or `StoreRefused` where the pilots of earlier runs cannot be read.
        """
        self._dry_run = dry_run
        await self._recall()
        if cycles is not None:
            return await self._rounds(cycles)
        try:
            await self._run_on()
        except* StoreRefused as refusals:
            raise refusals.exceptions[0] from None
        return []

    # --- start

    async def _recall(self) -> None:
        """Take over what an earlier run left: live pilots, health, and what became of pilots lately."""
        self._roster.add(await self._store.live())
        self._health.load(dict(await self._store.health()))
        since = self._clock.now() - HISTORY_KEPT
        for queue in self._config.queues.values():
            if any(step.rule.uses_history for step in queue.chain):
                self._roster.remember(queue.name, await self._store.outcomes(queue.name, since))
        logger.info(
            "started with %d queues and %d pilots of earlier runs",
            len(self._queues),
            self._roster.total(),
            extra={"action": "start"},
        )

    # --- a number of rounds

    async def _rounds(self, cycles: int) -> list[CycleRecord]:
        records: list[CycleRecord] = []
        for number in range(cycles):
            if self._stopping.is_set():
                break
            if number:
                await self._pause(self._shortest_interval_s)
            await self._poll_all()
            records = list(
                await asyncio.gather(*(queue.run(dry_run=self._dry_run) for queue in self._queues))
            )
        wished = [self._watched[name] for name, site in self._sites.items() if site.has_wishes]
        await asyncio.gather(*(poller.poll() for poller in wished))
        await self._ledger.flush()
        return records

    @property
    def _shortest_interval_s(self) -> float:
        return min((queue.settings.interval_s for queue in self._config.queues.values()), default=0.0)

    async def _poll_all(self) -> None:
        # batch systems first: a pilot that starts in between counts as waiting, and is not asked for twice
        await asyncio.gather(*(poller.poll() for poller in self._watched.values()))
        await asyncio.gather(*(poller.poll() for poller in self._wms.values()))

    # --- until stopped

    async def _run_on(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            pollers: list[Poller[Any]] = [*self._watched.values(), *self._wms.values()]
            for poller in pollers:
                tasks.create_task(self._poll_on(poller), name=f"poll {poller.name}")
            for queue in self._queues:
                tasks.create_task(self._cycle_on(queue), name=f"queue {queue.name}")
            tasks.create_task(self._keep_house(), name="housekeeping")
        await self._ledger.flush()
        logger.info("stopped", extra={"action": "stop"})

    async def _poll_on(self, poller: Poller[Any]) -> None:
        running = not self._stopping.is_set()
        while running:
            await poller.poll()
            await self._ledger.flush()
            running = await self._pause(poller.pause_s(self._clock.now()))

    async def _cycle_on(self, queue: QueueCycle) -> None:
        running = await self._unless_stopped(queue.inputs_polled())
        while running:
            await queue.run(dry_run=self._dry_run)
            running = await self._pause(queue.config.settings.interval_s)

    async def _keep_house(self) -> None:
        keep_pilots = timedelta(days=self._config.factory.keep_pilots_days)
        keep_cycles = timedelta(days=self._config.factory.keep_cycles_days)
        while await self._pause(HOUSEKEEPING_S):
            now = self._clock.now()
            await self._ledger.prune(now - keep_pilots, now - keep_cycles)

    async def _pause(self, seconds: float) -> bool:
        """Wait; return whether to go on."""
        return await self._unless_stopped(self._clock.sleep(seconds))

    async def _unless_stopped(self, awaited: Awaitable[object]) -> bool:
        """Await something and return True, or give it up and return False once the factory is to stop."""
        waits = [asyncio.ensure_future(awaited), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._stopping.is_set()

    # --- building

    def _wms_pollers(self, wms: Mapping[str, WmsStatus]) -> dict[str, Poller[wms_endpoint.WmsAnswer]]:
        return {
            name: Poller(
                f"wms.{name}",
                wms_endpoint.question(endpoint, wms[name]),
                WmsUnavailable,
                endpoint.common,
                self._clock,
                self._health,
            )
            for name, endpoint in self._config.wms.items()
        }

    def _batch_sites(self, batch: Mapping[str, BatchSystem]) -> dict[str, BatchSite]:
        factory = self._config.factory
        patience = Patience(timedelta(seconds=factory.settle_s), timedelta(seconds=factory.grace_s))
        return {
            name: BatchSite(
                endpoint,
                batch[name],
                self._roster,
                self._ledger,
                self._health,
                self._clock,
                patience,
                self._empty_exit_codes(),
                self._life_settings(),
            )
            for name, endpoint in self._config.batch.items()
        }

    def _batch_pollers(self) -> dict[str, Poller[Listing]]:
        return {
            name: Poller(
                site.label,
                self._watch(site),
                BatchUnavailable,
                site.endpoint.common,
                self._clock,
                self._health,
            )
            for name, site in self._sites.items()
        }

    def _watch(self, site: BatchSite) -> Callable[[datetime], Awaitable[Listing]]:
        async def observe(asked_at: datetime) -> Listing:
            listing = await site.observe(asked_at)
            if not self._dry_run:
                await site.tend(listing, asked_at)
            return listing

        return observe

    def _life_settings(self) -> Callable[[QueueName], LifeSettings]:
        known = {queue.name: queue.settings.life for queue in self._config.queues.values()}
        default = LifeSettings()
        return lambda queue: known.get(queue, default)

    def _empty_exit_codes(self) -> Callable[[QueueName], Collection[int]]:
        known = {
            queue.name: frozenset(queue.settings.pilot.empty_exit_codes)
            for queue in self._config.queues.values()
        }
        return lambda queue: known.get(queue, frozenset())
