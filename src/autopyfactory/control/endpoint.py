"""What the factory does at one batch endpoint: watch its pilots, submit, cancel."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from autopyfactory.api import (
    AutoPyFactoryError,
    BatchSystem,
    BatchUnavailable,
    Clock,
    SubmitRejected,
    SubmitUnknown,
)
from autopyfactory.config.tree import BatchEndpoint
from autopyfactory.control import watch
from autopyfactory.control.boundary import ask
from autopyfactory.control.health import BackOff, HealthBook
from autopyfactory.control.ledger import Ledger
from autopyfactory.control.roster import Roster
from autopyfactory.model import (
    TAG_PATTERN,
    BatchStatus,
    EndCause,
    Pilot,
    PilotId,
    PilotSpec,
    PilotState,
    QueueName,
    SubmitResult,
    Transition,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
Listing = Mapping[PilotId, BatchStatus]

SUBMIT_BACK_OFF = BackOff(first_s=30, ceiling_s=900)


@dataclass(slots=True)
class Sent:
    """What became of a submission."""

    accepted: int = 0
    refused: int = 0
    unconfirmed: int = 0
    unsent: int = 0
    error: str = ""


class BatchSite:
    """One ``[batch.NAME]``: its pilots in the roster are kept in step with what it lists.

    Submissions go one after the other.  A pilot is *sending* from its reservation until its submission's
    result is recorded; meanwhile listings say nothing about it.
    """

    def __init__(
        self,
        endpoint: BatchEndpoint,
        system: BatchSystem,
        roster: Roster,
        ledger: Ledger,
        health: HealthBook,
        clock: Clock,
        patience: watch.Patience,
        empty_exit_codes: Callable[[QueueName], Collection[int]],
    ) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.label = f"batch.{endpoint.name}"
        self._system = system
        self._roster = roster
        self._ledger = ledger
        self._health = health
        self._clock = clock
        self._patience = patience
        self._empty_exit_codes = empty_exit_codes
        self._lane = asyncio.Lock()
        self._sending: set[PilotId] = set()
        self._confirming_since = clock.now()

    # --- watching

    async def observe(self, asked_at: datetime) -> Listing:
        """Ask for all live pilots, carry what they show into the roster, and return the listing.

        Raises `BatchUnavailable` and `StoreUnavailable`: the roster may lag behind.
        """
        listing = await self._ask(self._system.status())
        live = self._roster.at(self.name)
        compared = watch.compare(listing, live, self._sending, asked_at, self._clock.now())
        await self._ledger.record(self.name, compared.changes)
        if compared.strangers:
            await self._take_in(compared.strangers, listing)
        if compared.missing:
            await self._look_for(compared.missing, asked_at)
        return listing

    async def _look_for(self, missing: Sequence[Pilot], asked_at: datetime) -> None:
        endings = await self._ask(self._system.ended([pilot.id for pilot in missing]))
        changes = watch.conclude(
            missing,
            endings,
            self._empty_exit_codes,
            self._patience,
            self._confirming_since,
            asked_at,
            self._clock.now(),
        )
        await self._ledger.record(self.name, changes)

    async def _take_in(self, strangers: Sequence[PilotId], listing: Listing) -> None:
        ours = [name for name in strangers if re.fullmatch(TAG_PATTERN, name)]
        stored = await self._ledger.find(ours)
        now = self._clock.now()
        back = [(stored[name], watch.revived(stored[name], listing[name], now)) for name in stored]
        returning = [(pilot, change) for pilot, change in back if change is not None]
        new = [watch.adopted(name, listing[name], self.name, now) for name in ours if name not in stored]
        if returning:
            await self._ledger.revive(returning)
        if new:
            await self._ledger.adopt(new)
        if returning or new:
            logger.warning(
                "took in %d pilots that the store believed ended and %d that it did not know",
                len(returning),
                len(new),
                extra={"endpoint": self.label, "action": "adopt"},
            )

    # --- submitting

    def reserve(self, queue: QueueName, names: Sequence[PilotId], now: datetime) -> list[Pilot]:
        """Count new pilots as planned from this moment on, and return them."""
        pilots = [
            Pilot(name, queue, self.name, PilotState.PLANNED, planned_at=now, changed_at=now)
            for name in names
        ]
        self._roster.add(pilots)
        self._sending.update(names)
        return pilots

    def release(self, names: Sequence[PilotId]) -> None:
        """End a reservation, whatever became of it."""
        self._sending.difference_update(names)

    def holds_back(self, now: datetime) -> str:
        """Return why nothing may be submitted here now, or an empty text."""
        return self._health.holds_back(self._submit_label, now)

    async def submit(self, spec: PilotSpec, names: Sequence[PilotId]) -> Sent:
        """Submit reserved and planned pilots, in pieces, and record what became of each."""
        sent = Sent()
        size = self.endpoint.common.max_per_submit
        async with self._lane:
            for start in range(0, len(names), size):
                await self._submit_piece(spec, names[start : start + size], sent)
        return sent

    async def _submit_piece(self, spec: PilotSpec, names: Sequence[PilotId], sent: Sent) -> None:
        why = sent.error or self.holds_back(self._clock.now())
        if why:
            sent.unsent += len(names)
            await self._close(names, EndCause.UNSENT, why)
            return
        timeout_s = self.endpoint.common.timeout_s
        call = self._system.submit(spec, names)
        try:
            result = await ask(self._submit_label, call, timeout_s, SubmitUnknown)
        except SubmitRejected as error:
            sent.refused += len(names)
            sent.error = str(error)
            await self._close(names, EndCause.REFUSED, str(error))
        except AutoPyFactoryError as error:
            sent.unconfirmed += len(names)
            sent.error = str(error)
            self._health.failed(self._submit_label, self._clock.now(), str(error), SUBMIT_BACK_OFF)
            why = f"submission not confirmed: {error}"
            await self._record(names, lambda name, now: _planned(name, now, why))
        else:
            self._health.succeeded(self._submit_label, self._clock.now())
            await self._accept(names, result, sent)

    async def _accept(self, names: Sequence[PilotId], result: SubmitResult, sent: Sent) -> None:
        now = self._clock.now()
        changes = []
        for name in names:
            if name in result.accepted:
                sent.accepted += 1
                changes.append(Transition(name, now, PilotState.PENDING, batch_id=result.accepted[name]))
            elif name in result.refused:
                sent.refused += 1
                sent.error = result.refused[name]
                changes.append(watch.closed(name, EndCause.REFUSED, result.refused[name], now))
            else:
                sent.unconfirmed += 1
                changes.append(_planned(name, now, "neither accepted nor refused"))
        await self._ledger.record(self.name, changes)

    async def _close(self, names: Sequence[PilotId], cause: EndCause, why: str) -> None:
        await self._record(names, lambda name, now: watch.closed(name, cause, why, now))

    async def _record(
        self, names: Sequence[PilotId], change: Callable[[PilotId, datetime], Transition]
    ) -> None:
        now = self._clock.now()
        await self._ledger.record(self.name, [change(name, now) for name in names])

    # --- cancelling

    async def cancel(self, pilots: Sequence[Pilot], why: str) -> None:
        """Mark pilots as retiring, and remove them.

        Raises `BatchUnavailable`: marked they stay, so that `cancel_again` repeats the removal.
        """
        now = self._clock.now()
        changes = [Transition(p.id, now, p.state, reason=why, retiring=True) for p in pilots]
        await self._ledger.record(self.name, changes)
        await self._ask(self._system.cancel([pilot.id for pilot in pilots]))

    async def cancel_again(self, listing: Listing, asked_at: datetime) -> None:
        """Remove retiring pilots that are still listed; raises `BatchUnavailable`."""
        left = [
            pilot.id
            for pilot in self._roster.at(self.name).values()
            if pilot.retiring and pilot.id in listing and pilot.changed_at < asked_at
        ]
        if left:
            await self._ask(self._system.cancel(left))

    # --- asking

    @property
    def _submit_label(self) -> str:
        return f"{self.label}.submit"

    async def _ask(self, call: Awaitable[T]) -> T:
        return await ask(self.label, call, self.endpoint.common.timeout_s, BatchUnavailable)


def _planned(name: PilotId, now: datetime, why: str) -> Transition:
    return Transition(name, now, PilotState.PLANNED, why)
