"""Takes queues over and lets them go, where several factories work on one store."""

import logging
from collections import Counter
from collections.abc import Callable, Collection

from autopyfactory.api import Store, StoreUnavailable
from autopyfactory.control.endpoints import Endpoints
from autopyfactory.control.ownership import Ownership
from autopyfactory.control.roster import HISTORY_KEPT
from autopyfactory.control.shared import Shared
from autopyfactory.model import QueueName

logger = logging.getLogger(__name__)


class Tenancy:
    """Keeps leases, roster and the rest of a factory in step.

    ``with_history()`` are the queues whose rules look back on what became of pilots.
    """

    def __init__(
        self,
        ownership: Ownership,
        store: Store,
        shared: Shared,
        endpoints: Endpoints,
        with_history: Callable[[], Collection[QueueName]],
    ) -> None:
        self._ownership = ownership
        self._store = store
        self._shared = shared
        self._endpoints = endpoints
        self._with_history = with_history
        self.on_takeover: Callable[[], None] = _nothing
        """Called when queues were taken over: nothing is submitted for them on answers from before."""
        self._away = False
        ownership.on_lost = self._lose

    async def beat(self) -> float:
        """Renew, claim and take over; return when to do so again.  A store that is away is borne."""
        try:
            await self.renew()
        except StoreUnavailable as error:
            if not self._away:
                logger.warning("leases cannot be renewed: %s", error, extra={"action": "lease"})
            self._away = True
        else:
            self._away = False
        return self._ownership.beat_s

    async def renew(self) -> None:
        """Renew, claim and take over; raises `StoreUnavailable`, and goes on the next time."""
        shared, ownership = self._shared, self._ownership
        await ownership.renew()
        zombies_before = shared.clock.now() - shared.customs.patience.grace
        tally = await ownership.store.tally(zombies_before)
        configured = shared.customs.config.queues.keys()
        wanted = {*configured, *shared.roster.queues(), *(queue for queue, _ in tally), *ownership.seen}
        await self._let_go(ownership.fences.keys() - wanted)
        await ownership.claim(wanted)
        await self._take_over(ownership.unsettled)
        elsewhere: Counter[str] = Counter()
        for (queue, endpoint), n in tally.items():
            if not ownership.ours(queue):
                elsewhere[endpoint] += n
        shared.roster.set_elsewhere(elsewhere)

    async def leave(self) -> None:
        """Give back all queues, at an orderly stop."""
        try:
            await self._let_go(self._ownership.fences.keys())
        except StoreUnavailable as error:
            logger.warning("leases were not given back: %s", error, extra={"action": "lease"})

    async def _let_go(self, queues: Collection[QueueName]) -> None:
        if queues:
            await self._shared.ledger.flush()
            await self._ownership.give_back(list(queues))

    async def _take_over(self, queues: Collection[QueueName]) -> None:
        """Read what the last owner left; until that is complete nobody but the store knows these pilots."""
        if not queues:
            return
        shared = self._shared
        pilots = [pilot for pilot in await self._store.live() if pilot.queue in queues]
        health = await self._store.health()
        now = shared.clock.now()
        past = [
            (queue, await self._store.outcomes(queue, now - HISTORY_KEPT))
            for queue in set(queues) & set(self._with_history())
        ]
        still = self._ownership.unsettled & set(queues)
        shared.roster.take_over((pilot for pilot in pilots if pilot.queue in still), now)
        for queue, outcomes in past:
            shared.roster.recall(queue, outcomes)
        shared.health.take_over({f"queue.{queue}" for queue in still}, health)
        for site in self._endpoints.sites.values():
            site.wait_for_unconfirmed(now)
        self._ownership.settle(still, now)
        self.on_takeover()

    def _lose(self, queues: Collection[QueueName]) -> None:
        self._shared.roster.leave(queues)


def _nothing() -> None:
    """Before anybody wants to know."""
