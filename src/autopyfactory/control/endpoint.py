"""What the factory does at one batch endpoint: watch its pilots, submit, cancel."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from autopyfactory.api import (
    AutoPyFactoryError,
    BatchSystem,
    BatchUnavailable,
    SubmitRejected,
    SubmitTooLate,
    SubmitUnknown,
)
from autopyfactory.config.tree import BatchEndpoint, RetireSettings
from autopyfactory.control import life, watch
from autopyfactory.control.boundary import ask
from autopyfactory.control.health import BackOff
from autopyfactory.control.search import EndingSearch
from autopyfactory.control.shared import Shared
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

_TOO_LATE = "the lease of the queue ran out before it was sent"
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

    def __init__(self, endpoint: BatchEndpoint, system: BatchSystem, shared: Shared) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.label = f"batch.{endpoint.name}"
        self._system = system
        self._customs = shared.customs
        self._roster = shared.roster
        self._ledger = shared.ledger
        self._health = shared.health
        self._clock = shared.clock
        self._tenure = shared.tenure
        self._orders = shared.orders
        self._wishes: dict[QueueName, tuple[int, RetireSettings]] = {}
        self._lane = asyncio.Lock()
        self._sending: set[PilotId] = set()
        self._search = EndingSearch(endpoint, system, shared)

    # --- watching

    async def observe(self, asked_at: datetime) -> Listing:
        """Ask for all live pilots, carry what they show into the roster, and return the listing.

        Raises `BatchUnavailable` and `StoreUnavailable`: the roster may lag behind.  A history that does not
        answer is no reason to distrust the listing: see `EndingSearch`.
        """
        listing = await self._ask(self._system.status())
        live = self._roster.at(self.name)
        compared = watch.compare(listing, live, self._sending, asked_at, self._clock.now())
        await self._ledger.record(self.name, compared.changes)
        if compared.strangers:
            await self._take_in(compared.strangers, listing)
        if compared.missing:
            await self._search.look_for(compared.missing, asked_at)
        return listing

    async def _take_in(self, strangers: Sequence[PilotId], listing: Listing) -> None:
        tagged = [name for name in strangers if re.fullmatch(TAG_PATTERN, name)]
        self._tenure.saw(listing[name].queue for name in tagged)
        ours = [name for name in tagged if self._tenure.ours(listing[name].queue)]
        stored = await self._ledger.find(ours) if ours else {}
        ours = [name for name in ours if self._tenure.ours(listing[name].queue)]
        now = self._clock.now()
        back = [
            (stored[name], watch.revived(stored[name], listing[name], now)) for name in ours if name in stored
        ]
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

    def wait_for_unconfirmed(self, since: datetime) -> None:
        """Wait from now on for submissions that others have left unconfirmed."""
        self._search.wait_for_unconfirmed(since)

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

    def end_reservation(self, names: Sequence[PilotId]) -> None:
        """End a reservation, whatever became of it."""
        self._sending.difference_update(names)

    def holds_back(self, now: datetime) -> str:
        """Return why nothing may be submitted here now, or an empty text."""
        return self._health.holds_back(self._submit_label, now)

    async def submit(self, spec: PilotSpec, names: Sequence[PilotId]) -> Sent:
        """Submit reserved and planned pilots, in pieces, and record what became of each."""
        sent = Sent()
        left = list(names)
        async with self._lane:
            while left:
                size = len(left) if sent.error else self._piece_size
                piece, left = left[:size], left[size:]
                await self._submit_piece(spec, piece, sent)
        return sent

    @property
    def _piece_size(self) -> int:
        """How many pilots to send at once: a single one as a probe after failures (half-open)."""
        return 1 if self._health.of(self._submit_label).failures else self.endpoint.common.max_per_submit

    async def _submit_piece(self, spec: PilotSpec, names: Sequence[PilotId], sent: Sent) -> None:
        deadline = self._tenure.deadline(spec.queue)
        why = sent.error or self.holds_back(self._clock.now())
        if not why and deadline is not None and deadline.passed:
            why = _TOO_LATE
        if why:
            sent.unsent += len(names)
            sent.error = why
            await self._close(names, EndCause.UNSENT, why)
            return
        timeout_s = self.endpoint.common.timeout_s
        # left out where there is none: plugins that know nothing of it serve a factory that is alone
        limited = {"deadline": deadline} if deadline is not None else {}
        call = self._system.submit(spec, names, **limited)
        try:
            result = await ask(self._submit_label, call, timeout_s, SubmitUnknown)
        except SubmitTooLate as error:
            sent.unsent += len(names)
            sent.error = str(error)
            await self._close(names, EndCause.UNSENT, str(error))
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

    # --- removing and releasing

    def wish(self, queue: QueueName, wanted: int, settings: RetireSettings) -> None:
        """Have `tend` remove that many pilots of a queue after the next listing; 0 takes the wish back."""
        if wanted:
            self._wishes[queue] = (wanted, settings)
        else:
            self._wishes.pop(queue, None)

    @property
    def has_wishes(self) -> bool:
        """Whether `tend` has pilots to remove."""
        return bool(self._wishes)

    async def tend(self, listing: Listing, asked_at: datetime) -> None:
        """Do to pilots what operators, limits and wishes order, on a listing that was just compared.

        Raises `BatchUnavailable`: pilots that are marked as retiring by then are removed next time.
        """
        await self._orders.refresh(self._clock.now())
        pilots = [p for p in self._roster.at(self.name).values() if self._tenure.acts(p.queue)]
        now = self._clock.now()
        self._roster.set_zombies(self.name, life.zombies(pilots, listing, self._customs.patience.grace, now))
        left = [p for p in pilots if p.retiring and p.id in listing and p.changed_at < asked_at]
        await self._remove([pilot for pilot in left if pilot.state is PilotState.RUNNING])
        await self._remove(
            [pilot for pilot in left if pilot.state is not PilotState.RUNNING], waiting_only=True
        )
        await self._carry_out(life.asked_for(pilots, self._orders.retirements))
        await self._carry_out(life.overdue(pilots, self._customs.life, now))
        wishes, self._wishes = self._wishes, {}
        if self._search.failing:
            # some that count have ended: what looks like too many may be too few
            return
        for queue, (wanted, settings) in wishes.items():
            if not self._tenure.acts(queue):
                continue
            waiting, running = life.surplus(self._roster.of(queue), wanted, settings)
            await self._retire(waiting, "more pilots than needed", waiting_only=True)
            await self._retire(running, "more pilots than needed")

    async def _carry_out(self, orders: life.Orders) -> None:
        # first those that wait: in the place of one that ran they would start
        for why, chosen in orders.cancel_waiting.items():
            await self._retire(chosen, why, waiting_only=True)
        for why, chosen in orders.cancel.items():
            await self._retire(chosen, why)
        await self._release(orders.release)

    async def _retire(self, pilots: Sequence[Pilot], why: str, *, waiting_only: bool = False) -> None:
        """Mark pilots, then remove them: where the second step is lost, `tend` repeats it."""
        now = self._clock.now()
        changes = [Transition(p.id, now, p.state, reason=why, retiring=True) for p in pilots]
        await self._ledger.record(self.name, changes)
        await self._remove(pilots, waiting_only=waiting_only)

    async def _remove(self, pilots: Sequence[Pilot], *, waiting_only: bool = False) -> None:
        if pilots:
            names = [pilot.id for pilot in pilots]
            await self._ask(self._system.cancel(names, waiting_only=waiting_only))

    async def _release(self, pilots: Sequence[Pilot]) -> None:
        """Count a release, then ask for it, so that it is never asked for more often than allowed."""
        if not pilots:
            return
        now = self._clock.now()
        await self._ledger.record(
            self.name,
            [Transition(p.id, now, p.state, reason=p.reason, releases=p.releases + 1) for p in pilots],
        )
        await self._ask(self._system.release([pilot.id for pilot in pilots]))

    # --- asking

    @property
    def _submit_label(self) -> str:
        return f"{self.label}.submit"

    async def _ask(self, call: Awaitable[T]) -> T:
        return await ask(self.label, call, self.endpoint.common.timeout_s, BatchUnavailable)


def _planned(name: PilotId, now: datetime, why: str) -> Transition:
    return Transition(name, now, PilotState.PLANNED, why)
