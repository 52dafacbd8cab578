"""The one way to change a pilot: in memory at once, and in the store."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from autopyfactory.api import LeaseLost, NoRoom, StoreUnavailable
from autopyfactory.control.fenced import Writer
from autopyfactory.control.health import HealthBook
from autopyfactory.control.listeners import Listeners
from autopyfactory.control.roster import Roster
from autopyfactory.control.watch import closed
from autopyfactory.model import CycleRecord, EndCause, Pilot, PilotId, QueueName, Transition

logger = logging.getLogger(__name__)


class Ledger:
    """Keeps roster and store in step.

    Plans go to the store first: what cannot be written is not done.  What *has* happened is applied in
    memory at once and written as soon as the store takes it; until then nothing new may be planned.

    Writes go one after the other, in the order in which things happened.  A write that failed may have
    been kept all the same (the connection broke at its commit), so before anything else is written the
    store is asked what became of it.
    """

    def __init__(
        self, store: Writer, roster: Roster, health: HealthBook, listeners: Listeners | None = None
    ) -> None:
        self._store = store
        self._roster = roster
        self._health = health
        self._listeners = listeners or Listeners()
        self._writing = asyncio.Lock()
        self._backlog: list[Transition] = []
        self._doubtful: list[Transition] = []
        """One transaction that was tried and may have been kept."""
        self._abandoned: list[PilotId] = []
        """Pilots whose plan was tried and may have been kept; never sent."""
        self._adopted: list[Pilot] = []
        self._error = ""

    @property
    def trouble(self) -> str:
        """Why nothing may be planned at present; empty where the store is well."""
        return self._error

    async def plan(self, cycle: CycleRecord, pilots: Sequence[Pilot], endpoint: str) -> None:
        """Keep a cycle and the pilots that it plans, which are in the roster already.

        Raises `StoreUnavailable`, and where others work on the store `LeaseLost` and `NoRoom`: the pilots
        are out of the roster again.
        """
        names = [pilot.id for pilot in pilots]
        try:
            async with self._writing:
                await self._flush()
                await self._plan(cycle, names, endpoint)
        except StoreUnavailable as error:
            self._roster.drop(pilots)
            self._note(error)
            raise
        except (LeaseLost, NoRoom):
            self._roster.drop(pilots)
            raise
        self._well()

    async def record(self, endpoint: str, changes: Sequence[Transition]) -> None:
        """Apply changes to live pilots of one endpoint.  Never raises for the store's sake."""
        live = self._roster.at(endpoint)
        known = [change for change in changes if change.pilot in live]
        self._listeners.submitted(live, known)
        for change in known:
            self._roster.apply(live[change.pilot], change)
        self._backlog.extend(known)
        await self.flush()

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """Take in pilots that the batch system has and the store does not know."""
        self._roster.add(pilots)
        self._adopted += [replace(pilot) for pilot in pilots]
        await self.flush()

    async def revive(self, returning: Sequence[tuple[Pilot, Transition]]) -> None:
        """Take back in pilots that the store believes ended."""
        for pilot, change in returning:
            pilot.apply(change)
        self._roster.add([pilot for pilot, _ in returning])
        self._backlog.extend(change for _, change in returning)
        await self.flush()

    async def find(self, pilots: Sequence[PilotId]) -> dict[PilotId, Pilot]:
        """Return those of these pilots that the store knows; raises `StoreUnavailable`."""
        async with self._writing:
            await self._flush()
            return dict(await self._store.find(pilots))

    async def recall(self, queue: QueueName, since: datetime) -> bool:
        """Have the roster know what became of a queue's pilots since then, in earlier runs as well.

        Returns False, with the failure in `trouble`, where the store does not serve.
        """
        try:
            async with self._writing:
                await self._flush()
                outcomes = await self._store.outcomes(queue, since)
                while self._backlog:  # what ended while it was asked is in memory alone
                    await self._flush()
                    outcomes = await self._store.outcomes(queue, since)
                self._roster.recall(queue, outcomes)
        except StoreUnavailable as error:
            self._note(error)
            return False
        return True

    async def flush(self) -> None:
        """Write what is not yet written, pilots and health; a failure is kept in `trouble`."""
        try:
            async with self._writing:
                wrote = await self._flush()
        except StoreUnavailable as error:
            self._note(error)
        else:
            if wrote:
                self._well()

    async def prune(self, pilots_before: datetime, cycles_before: datetime) -> None:
        """Forget what is older than that; a failure is kept in `trouble`."""
        try:
            await self._store.prune(pilots_before, cycles_before)
        except StoreUnavailable as error:
            self._note(error)

    async def _plan(self, cycle: CycleRecord, names: list[PilotId], endpoint: str) -> None:
        try:
            await self._store.plan(cycle, names, endpoint)
        except StoreUnavailable:
            self._abandoned += names
            raise

    async def _flush(self) -> bool:
        """Return whether there was anything to write: only that shows that the store serves."""
        wrote = bool(self._doubtful or self._abandoned or self._adopted or self._backlog)
        await self._settle_doubts()
        if self._adopted:
            await self._store.adopt(self._adopted)  # leaves those that it knows as they are
            self._adopted = []
        if self._backlog:
            self._doubtful, self._backlog = self._backlog, []
            await self._store.record(self._doubtful)
            self._doubtful = []
        health = self._health.take_changed()
        if health:
            try:
                await self._store.save_health(health)
            except BaseException:
                self._health.put_back(health)
                raise
        return wrote or bool(health)

    async def _settle_doubts(self) -> None:
        if self._doubtful:
            if not await self._was_kept(self._doubtful):
                await self._store.record(self._doubtful)
            self._doubtful = []
        if self._abandoned:
            why = "the store did not confirm the plan, so it was not sent"
            found = (await self._store.find(self._abandoned)).values()
            await self._store.record(
                [
                    closed(pilot.id, EndCause.UNSENT, why, pilot.changed_at)
                    for pilot in found
                    if pilot.state.is_live
                ]
            )
            self._abandoned = []

    async def _was_kept(self, changes: Sequence[Transition]) -> bool:
        """Return whether a transaction was kept: it was as a whole, or not at all."""
        last = {change.pilot: change for change in changes}
        found = await self._store.find(list(last))
        return all(
            (found[name].state, found[name].changed_at) == (change.state, change.at)
            for name, change in last.items()
        )

    def _well(self) -> None:
        if self._error:
            logger.info("the store serves again", extra={"action": "store"})
        self._error = ""

    def _note(self, error: StoreUnavailable) -> None:
        if not self._error:
            logger.error("store unavailable, nothing is submitted: %s", error, extra={"action": "store"})
        self._error = str(error)
