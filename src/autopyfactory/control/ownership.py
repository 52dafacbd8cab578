"""Whose a queue is, where several factories work on one store; see docs/adr/0010-leases.md."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autopyfactory.api import Deadline, Lease, LeaseStore, uptime_s
from autopyfactory.model import QueueName

logger = logging.getLogger(__name__)

_BEATS = 6
"""Renewals within a lease."""
_TRUSTED = 1 / 2
"""The part of a lease for which its owner relies on a renewal, counted from before it was asked for."""
_STILL = 2 / 3
"""The part of a lease for which it must stand still before another factory takes the queue."""


class Tenure(Protocol):
    """What cycles and endpoints ask before they act."""

    def ours(self, queue: QueueName) -> bool:
        """Whether the pilots of a queue are in our roster, and what becomes of them is ours to record."""
        ...

    def acts(self, queue: QueueName) -> bool:
        """Whether we may change anything for a queue outside, at this moment."""
        ...

    def objection(self, queue: QueueName, asked_at: datetime | None) -> str:
        """Return why nothing may be submitted for a queue on an answer of that time, or an empty text."""
        ...

    def deadline(self, queue: QueueName) -> Deadline | None:
        """Return until when submissions for a queue may be sent; None: without end."""
        ...

    def saw(self, queues: Iterable[QueueName]) -> None:
        """Take note of queues that have pilots in a batch system but not in our roster."""
        ...

    @property
    def look_again_s(self) -> float:
        """How soon a queue that is not ours may have become ours."""
        ...


class Sole:
    """The tenure of a factory that has its store for itself."""

    def ours(self, queue: QueueName) -> bool:
        """Every queue is."""
        return True

    def acts(self, queue: QueueName) -> bool:
        """Return True: nobody else does."""
        return True

    def objection(self, queue: QueueName, asked_at: datetime | None) -> str:
        """Never any."""
        return ""

    def deadline(self, queue: QueueName) -> Deadline | None:
        """Never."""
        return None

    def saw(self, queues: Iterable[QueueName]) -> None:
        """They are taken in by tag."""

    @property
    def look_again_s(self) -> float:
        """Never: all are ours."""
        return float("inf")


@dataclass(frozen=True, slots=True)
class _Watched:
    """Somebody else's lease, and since when it has stood still, by our own uptime."""

    lease: Lease
    since_s: float


class Ownership:
    """The leases that one running factory holds, and those that it watches.

    A queue that it gains is *ours* at once, and *settled* when its pilots have been read from the store.
    """

    def __init__(
        self, store: LeaseStore, owner: str, lease_s: float, uptime_s: Callable[[], float] = uptime_s
    ) -> None:
        """``owner`` names this run of a factory, and nobody else ever."""
        self.store = store
        self.owner = owner
        self.beat_s = lease_s / _BEATS
        self.on_lost: Callable[[Collection[QueueName]], None] = _nothing
        """Called as soon as it is known that queues are not ours any more."""
        self._lease_s = lease_s
        self._uptime_s = uptime_s
        self._fences: dict[QueueName, int] = {}
        self._until_s: dict[QueueName, float] = {}
        self._settled: dict[QueueName, datetime] = {}
        self._watched: dict[QueueName, _Watched] = {}
        self._seen: set[QueueName] = set()

    # --- tenure

    def ours(self, queue: QueueName) -> bool:
        """Whether it is held, and its pilots are in the roster."""
        return queue in self._settled

    def acts(self, queue: QueueName) -> bool:
        """Whether it is ours and the lease can be relied on."""
        return queue in self._settled and self._uptime_s() < self._until_s[queue]

    def objection(self, queue: QueueName, asked_at: datetime | None) -> str:
        """Return why nothing may be submitted for a queue on an answer of that time."""
        since = self._settled.get(queue)
        if since is None:
            return "another factory owns the queue"
        if not self.acts(queue):
            return "the lease of the queue ran out, and the store has not renewed it"
        if asked_at is not None and asked_at < since:
            return f"the queue was taken over at {since:%H:%M:%S}; newer answers are awaited"
        return ""

    def deadline(self, queue: QueueName) -> Deadline | None:
        """Return until when the lease can be relied on."""
        return Deadline(self._until_s.get(queue, float("-inf")), self._uptime_s)

    def saw(self, queues: Iterable[QueueName]) -> None:
        """Take note of queues with pilots that nobody may know of."""
        self._seen.update(queues)

    @property
    def look_again_s(self) -> float:
        """The next beat may bring it."""
        return self.beat_s

    # --- leases

    @property
    def fences(self) -> Mapping[QueueName, int]:
        """The fences of all queues that are held."""
        return dict(self._fences)

    @property
    def unsettled(self) -> set[QueueName]:
        """Queues that are held, of which the pilots have not been read yet."""
        return self._fences.keys() - self._settled.keys()

    @property
    def seen(self) -> set[QueueName]:
        """Queues that have pilots in a batch system but not in our roster."""
        return set(self._seen)

    def settle(self, queues: Iterable[QueueName], now: datetime) -> None:
        """Say that the pilots of queues are in the roster."""
        self._settled.update(dict.fromkeys(queues, now))

    async def renew(self) -> None:
        """Renew what is held; raises `StoreUnavailable`."""
        # counted from before the question: however late it was carried out, others count from then
        until_s = self._uptime_s() + self._lease_s * _TRUSTED
        kept = await self.store.renew(self.owner)
        self.forget([queue for queue, fence in self._fences.items() if kept.get(queue) != fence])
        self._fences.update(kept)  # with those of a claim that the store kept but did not confirm
        self._until_s.update(dict.fromkeys(self._fences, until_s))

    async def claim(self, wanted: Collection[QueueName]) -> None:
        """Take those of the queues that nobody owns, or whose owner has been silent; `StoreUnavailable`."""
        leases = await self.store.leases()
        free = {
            queue: leases.get(queue)
            for queue in wanted
            if queue not in self._fences and self._is_free(queue, leases.get(queue))
        }
        if not free:
            return
        until_s = self._uptime_s() + self._lease_s * _TRUSTED
        gained = await self.store.claim(free, self.owner)
        self._fences.update(gained)
        self._until_s.update(dict.fromkeys(gained, until_s))
        if gained:
            logger.info("took %d queues: %s", len(gained), _some(gained), extra={"action": "lease"})

    async def give_back(self, queues: Collection[QueueName]) -> None:
        """Leave queues to other factories; raises `StoreUnavailable`."""
        if queues:
            await self.store.give_back(queues, self.owner)
            self._forget(queues)

    def forget(self, queues: Collection[QueueName]) -> None:
        """Note that queues are not ours any more."""
        lost = [queue for queue in queues if queue in self._fences]
        if lost:
            logger.warning(
                "another factory has taken %d queues: %s", len(lost), _some(lost), extra={"action": "lease"}
            )
            self._forget(lost)

    def _forget(self, queues: Collection[QueueName]) -> None:
        for queue in queues:
            self._fences.pop(queue, None)
            self._until_s.pop(queue, None)
            self._settled.pop(queue, None)
        self._seen.difference_update(queues)
        self.on_lost(queues)

    def _is_free(self, queue: QueueName, lease: Lease | None) -> bool:
        """Whether nobody has it, or its lease stands still: no clock but our own is asked."""
        if lease is None or not lease.owner:
            return True
        now_s = self._uptime_s()
        watched = self._watched.get(queue)
        if watched is None or watched.lease != lease:
            self._watched[queue] = _Watched(lease, now_s)
            return False
        return now_s - watched.since_s >= self._lease_s * _STILL


def _some(queues: Collection[QueueName]) -> str:
    names = sorted(queues)
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _nothing(queues: Collection[QueueName]) -> None:
    """Before anybody wants to know."""
