"""Pilots that a batch system no longer lists: how they ended, by its history."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from autopyfactory.api import BatchSystem, BatchUnavailable
from autopyfactory.config.tree import BatchEndpoint
from autopyfactory.control import watch
from autopyfactory.control.boundary import ask
from autopyfactory.control.health import BackOff
from autopyfactory.control.shared import Shared
from autopyfactory.model import Ending, Pilot, PilotId

logger = logging.getLogger(__name__)


class EndingSearch:
    """Asks the history of one batch endpoint, and records what follows.

    A history may be long and slow to search, and does without an answer more often than a listing.  That
    makes no listing worse: until the history answers, missing pilots stay what they were, and count.  Only
    those that were missing for the whole grace time are judged without it, so that none counts for ever.
    """

    def __init__(self, endpoint: BatchEndpoint, system: BatchSystem, shared: Shared) -> None:
        self._label = f"batch.{endpoint.name}.history"
        self._endpoint = endpoint
        self._system = system
        self._customs = shared.customs
        self._ledger = shared.ledger
        self._health = shared.health
        self._clock = shared.clock
        self._confirming_since = shared.clock.now()

    @property
    def failing(self) -> bool:
        """Whether the history did not answer when it was last asked."""
        return bool(self._health.of(self._label).failures)

    def wait_for_unconfirmed(self, since: datetime) -> None:
        """Wait from now on for submissions that others have left unconfirmed."""
        self._confirming_since = since

    async def look_for(self, missing: Sequence[Pilot], asked_at: datetime) -> None:
        """Record what became of pilots that the listing asked for at ``asked_at`` does not have.

        Raises `StoreUnavailable`.
        """
        endings = await self._endings(missing)
        judged = missing
        if endings is None:
            grace = self._customs.patience.grace
            judged = [pilot for pilot in missing if asked_at - pilot.changed_at > grace]
        changes = watch.conclude(
            judged,
            endings or {},
            self._customs.empty_exit_codes,
            self._customs.patience,
            self._confirming_since,
            asked_at,
            self._clock.now(),
        )
        await self._ledger.record(self._endpoint.name, changes)

    async def _endings(self, missing: Sequence[Pilot]) -> Mapping[PilotId, Ending] | None:
        """Return the endings that the history has; None where it does not answer or is not asked now."""
        if self._health.holds_back(self._label, self._clock.now()):
            return None
        common = self._endpoint.common
        call = self._system.ended([pilot.id for pilot in missing])
        try:
            endings = await ask(self._label, call, common.timeout_s, BatchUnavailable)
        except BatchUnavailable as error:
            back_off = BackOff(first_s=common.interval_s, ceiling_s=max(common.interval_s, 900))
            self._health.failed(self._label, self._clock.now(), str(error), back_off)
            logger.warning("no endings: %s", error, extra={"endpoint": self._label, "action": "search"})
            return None
        self._health.succeeded(self._label, self._clock.now())
        return endings
