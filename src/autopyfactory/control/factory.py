"""The factory: endpoints, queues and housekeeping, run together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

from autopyfactory.api import (
    BatchSystem,
    Clock,
    FactoryListener,
    Notifier,
    Overrides,
    Store,
    StoreRefused,
    WmsStatus,
)
from autopyfactory.config.tree import Config
from autopyfactory.control.credential_ends import CredentialEnds
from autopyfactory.control.customs import Customs
from autopyfactory.control.cycle import QueueCycle
from autopyfactory.control.endpoints import Endpoints, labelled
from autopyfactory.control.fenced import Fenced, Writer
from autopyfactory.control.findings import NoticeSource
from autopyfactory.control.health import HealthBook
from autopyfactory.control.ledger import Ledger
from autopyfactory.control.listeners import Listeners
from autopyfactory.control.loops import Loops, first_of
from autopyfactory.control.notices import Notices
from autopyfactory.control.orders import Orders
from autopyfactory.control.ownership import Ownership, Sole
from autopyfactory.control.poll import Poller
from autopyfactory.control.queues import Queues
from autopyfactory.control.roster import HISTORY_KEPT, Roster
from autopyfactory.control.shared import Shared
from autopyfactory.control.tenancy import Tenancy
from autopyfactory.model import CycleRecord, PilotIds

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
        *,
        overrides: Overrides | None = None,
        ownership: Ownership | None = None,
        listeners: Sequence[FactoryListener] = (),
        notices: NoticeSource | None = None,
        notifiers: Mapping[str, Notifier] | None = None,
        timed: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Everything that the factory works with.

        ``overrides`` tells what operators ask for.  ``ownership``: other factories work on the same store,
        and each queue is run by the one that owns it.  ``listeners`` are told of cycles and of pilots.
        ``notices``: where what is wrong is looked for and kept; ``notifiers`` tell it, one for each
        ``[notify.NAME]``; the factory closes them.
        ``timed`` measures each cycle.
        """
        self._store = store
        self._timed = timed
        self._clock = clock
        self._dry_run = False
        self._begun = False
        self._answers_are_old = False
        self._stopping = asyncio.Event()
        self._reconfiguring = asyncio.Lock()
        self._loops: Loops | None = None
        health, roster = HealthBook(), Roster()
        customs, orders, tenure = Customs(config), Orders(overrides), ownership or Sole()
        writer: Writer = store
        if ownership is not None:
            writer = Fenced(store, ownership, customs.limits, lambda: customs.patience.grace)
        told = Listeners(listeners)
        ledger = Ledger(writer, roster, health, told)
        self._shared = Shared(customs, roster, ledger, health, clock, ids, orders, tenure, told)
        self._endpoints = Endpoints(self._shared, tending=lambda: not self._dry_run)
        self._endpoints.add(labelled(config).values(), wms, batch)
        self._queues = Queues(self._endpoints, self._shared)
        self._queues.add(config.queues.values())
        self._tenancy = (
            Tenancy(ownership, store, self._shared, self._endpoints, self._queues.with_history)
            if ownership is not None
            else None
        )
        if self._tenancy is not None:
            self._tenancy.on_takeover = self._ask_anew

        ends = CredentialEnds(lambda: customs.config.web, lambda: self._endpoints.systems)
        self._notices = Notices(notices, self._shared, ends, notifiers or {}) if notices is not None else None

    def stop(self) -> None:
        """Ask `run` to return as soon as nothing is under way."""
        self._stopping.set()
        if self._loops is not None:
            self._loops.stop_all()

    @property
    def store_trouble(self) -> str:
        """Why the store does not serve, so that nothing is submitted; empty where it does."""
        return self._shared.ledger.trouble

    async def run(self, *, cycles: int | None = None, dry_run: bool = False) -> list[CycleRecord]:
        """Run until `stop`, or that many cycles of every queue; return the last record of each queue.

        Raises `StoreUnavailable` or `StoreRefused` where the pilots of earlier runs cannot be read.
        """
        self._dry_run = dry_run
        async with self._reconfiguring:
            self._begun = True
            await self._recall()
        if cycles is not None:
            return await self._rounds(cycles)
        try:
            await self._run_on()
        except* StoreRefused as refusals:
            raise refusals.exceptions[0] from None
        finally:
            if self._notices is not None:
                self._notices.break_off()
        return []

    async def poll(self) -> None:
        """Ask every endpoint once; what fails is noted in its health."""
        await self._endpoints.poll_all()

    async def cycle(self) -> list[CycleRecord]:
        """Run one cycle of every queue on the answers that are there, and return their records."""
        queues = [queue for queue in self._queues if queue.ours]
        return list(await asyncio.gather(*(queue.run(dry_run=self._dry_run) for queue in queues)))

    async def reconfigure(
        self,
        config: Config,
        wms: Mapping[str, WmsStatus],
        batch: Mapping[str, BatchSystem],
        notifiers: Mapping[str, Notifier] | None = None,
    ) -> bool:
        """Go over to another configuration, while running or before.

        Only what differs is restarted: `endpoints_to_build` and `notifiers_to_build` tell for what plugin
        objects are needed in ``wms``, ``batch`` and ``notifiers``.  Pilots of removed queues are watched to
        their end, at removed batch endpoints as well, which are let go after that.  The factory's id and
        its store cannot change: see `config.diff`.

        Returns whether it took them: False where it is about to stop, or ends by itself after some cycles;
        then nothing is changed.
        """
        async with self._reconfiguring:
            if self._stopping.is_set() or (self._begun and self._loops is None):
                return False
            new, unused = self._endpoints.changed(config)
            restarted = self._queues.changed(config, new)
            await self._stop_loop("takeover")  # it asks all endpoints, those that go as well
            await asyncio.gather(*(self._stop_loop(f"queue {name}") for name in restarted))
            # asked only now: a cycle that was under way may have sent pilots to an endpoint that goes
            gone = {label for label in unused if self._endpoints.is_idle(label)}
            for label in (new & self._endpoints.labels) | gone:
                await self._stop_loop(f"poll {label}")
                await self._endpoints.drop(label)
            self._shared.customs.config = config
            recalled = self._queues.recalled()
            self._queues.drop(restarted)
            self._endpoints.add((labelled(config)[label] for label in new), wms, batch)
            self._queues.add(config.queues.values())
            if self._begun:
                self._queues.have_recall(self._queues.with_history() - recalled)
            self._start_loops()
            if self._notices is not None:
                await self._notices.go_over(config, notifiers or {})
            return True

    def endpoints_to_build(self, config: Config) -> set[str]:
        """Return the labels (``wms.NAME``, ``batch.NAME``) of endpoints that `reconfigure` would replace."""
        return self._endpoints.changed(config)[0]

    def notifiers_to_build(self, config: Config) -> set[str]:
        """Return the NAMEs of ``[notify.NAME]`` that `reconfigure` would replace."""
        return self._notices.changed(config) if self._notices is not None else set()

    @property
    def endpoints(self) -> frozenset[str]:
        """The labels of all endpoints that it works with, removed ones included while pilots live there."""
        return self._endpoints.labels

    # --- start

    async def _recall(self) -> None:
        """Take over what an earlier run left: live pilots, health, and what became of pilots lately."""
        shared = self._shared
        shared.health.load(dict(await self._store.health()))
        if self._tenancy is not None:
            await self._tenancy.renew()
        else:
            shared.roster.add(await self._store.live())
            since = self._clock.now() - HISTORY_KEPT
            for name in self._queues.with_history():
                shared.roster.recall(name, await self._store.outcomes(name, since))
        logger.info(
            "started with %d queues and %d pilots of earlier runs",
            len(self._queues),
            shared.roster.total(),
            extra={"action": "start"},
        )

    # --- a number of rounds

    async def _rounds(self, cycles: int) -> list[CycleRecord]:
        queues = list(self._queues)
        records: list[CycleRecord] = []
        for number in range(cycles):
            if number:
                pause_s = min((queue.config.settings.interval_s for queue in queues), default=0.0)
                await first_of(self._clock.sleep(pause_s), self._stopping.wait())
            if self._stopping.is_set():
                break
            if self._tenancy is not None:
                await self._tenancy.beat()
            await self.poll()
            records = await self.cycle()
        await self._endpoints.grant_wishes()
        await self._end()
        return records

    # --- until stopped

    async def _run_on(self) -> None:
        if self._stopping.is_set():
            return
        async with Loops(self._clock) as self._loops:
            self._loops.start("housekeeping", self._keep_house)
            if self._tenancy is not None:
                self._loops.start("leases", self._tenancy.beat)
            if self._notices is not None:
                self._loops.start("notices", self._notices.look)
            self._start_loops()
        self._loops = None
        await self._end()
        logger.info("stopped", extra={"action": "stop"})

    async def _end(self) -> None:
        await self._shared.ledger.flush()
        if self._notices is not None:
            await self._notices.close()
        if self._tenancy is not None:
            await self._tenancy.leave()

    def _start_loops(self) -> None:
        """Start the loops of endpoints and queues that have none yet."""
        if self._loops is None:
            return
        pollers: list[Poller[Any]] = [*self._endpoints.watched.values(), *self._endpoints.wms.values()]
        for poller in pollers:
            if f"poll {poller.name}" not in self._loops:
                self._loops.start(f"poll {poller.name}", self._polling(poller))
        for queue in self._queues:
            if f"queue {queue.name}" not in self._loops:
                self._loops.start(f"queue {queue.name}", self._cycling(queue), queue.inputs_polled)

    def _ask_anew(self) -> None:
        """Poll every endpoint, so that the first decision for queues that were taken over need not wait.

        In a loop of its own, since an endpoint that does not answer must not keep leases from being renewed.
        """
        self._answers_are_old = True
        if self._loops is not None and "takeover" not in self._loops:
            self._loops.start("takeover", self._poll_anew)

    async def _poll_anew(self) -> None:
        while self._answers_are_old:  # more may be taken over meanwhile
            self._answers_are_old = False
            await self.poll()

    async def _stop_loop(self, name: str) -> None:
        if self._loops is not None and name in self._loops:
            await self._loops.stop(name)

    def _polling(self, poller: Poller[Any]) -> Callable[[], Awaitable[float | None]]:
        async def poll() -> float | None:
            pause_s = await poller.once()
            await self._shared.ledger.flush()
            return None if await self._let_go(poller.name) else pause_s

        return poll

    async def _let_go(self, label: str) -> bool:
        """Drop an endpoint that was removed once its last pilot has ended; return whether it was."""
        # a configuration that is coming in waits for this very loop, and sees to it as well
        if self._reconfiguring.locked() or label in labelled(self._shared.customs.config):
            return False
        async with self._reconfiguring:
            if not self._endpoints.is_idle(label):
                return False
            await self._endpoints.drop(label)
        logger.info("let go of the removed endpoint, its last pilot has ended", extra={"endpoint": label})
        return True

    def _cycling(self, queue: QueueCycle) -> Callable[[], Awaitable[float]]:
        async def cycle() -> float:
            with self._timed():
                return await queue.once(dry_run=self._dry_run)

        return cycle

    async def _keep_house(self) -> float:
        keep = self._shared.customs.config.factory
        now = self._clock.now()
        await self._shared.ledger.prune(
            now - timedelta(days=keep.keep_pilots_days), now - timedelta(days=keep.keep_cycles_days)
        )
        return HOUSEKEEPING_S
