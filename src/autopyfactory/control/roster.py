"""The live pilots of this factory, in memory: what is counted, and who is looked for."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from autopyfactory.model import (
    EndCause,
    History,
    Outcome,
    Pilot,
    PilotCounts,
    PilotId,
    PilotState,
    QueueName,
    Transition,
)

OUTCOMES_KEPT = 2000
"""Per queue; what rules may look back on."""
HISTORY_KEPT = timedelta(hours=24)
"""How far rules may look back."""
STARTS_KEPT = timedelta(hours=1)
_WAITING = frozenset({PilotState.PLANNED, PilotState.PENDING, PilotState.HELD, PilotState.UNKNOWN})
_NEVER_EXISTED = frozenset({EndCause.REFUSED, EndCause.UNSENT})


class Roster:
    """Live pilots by endpoint, their counts by queue, and what became of the queue's pilots lately."""

    def __init__(self) -> None:
        self._live: dict[str, dict[PilotId, Pilot]] = {}
        self._of: dict[QueueName, dict[PilotId, Pilot]] = {}
        self._counts: dict[QueueName, Counter[PilotState]] = {}
        self._retiring: Counter[QueueName] = Counter()
        self._starts: dict[QueueName, deque[datetime]] = {}
        self._outcomes: dict[QueueName, deque[Outcome]] = {}
        self._total = 0
        self._zombies: dict[str, int] = {}
        self._elsewhere: Mapping[str, int] = {}

    # --- who is there

    def at(self, endpoint: str) -> Mapping[PilotId, Pilot]:
        """Return the live pilots of one batch endpoint."""
        return self._live.get(endpoint, {})

    def of(self, queue: QueueName) -> list[Pilot]:
        """Return the live pilots of one queue, oldest first."""
        return sorted(self._of.get(queue, {}).values(), key=lambda pilot: pilot.id)

    def queues(self) -> set[QueueName]:
        """Return the queues that have live pilots."""
        return {queue for queue, pilots in self._of.items() if pilots}

    def is_empty(self, endpoint: str) -> bool:
        """Whether no pilot lives at an endpoint, other factories' included."""
        return not self._live.get(endpoint) and not self._elsewhere.get(endpoint)

    # --- numbers

    def counts(self, queue: QueueName) -> PilotCounts:
        """Return the live pilots of a queue by state; retiring ones are counted apart."""
        n = self._counts.get(queue, Counter())
        return PilotCounts(
            planned=n[PilotState.PLANNED],
            pending=n[PilotState.PENDING],
            held=n[PilotState.HELD],
            running=n[PilotState.RUNNING],
            unknown=n[PilotState.UNKNOWN],
            retiring=self._retiring[queue],
        )

    def total(self) -> int:
        """Return the live pilots of all queues, other factories' included, without zombies."""
        return self._total - sum(self._zombies.values()) + sum(self._elsewhere.values())

    def total_at(self, endpoint: str) -> int:
        """Return the live pilots of one endpoint, other factories' included, without zombies."""
        here = len(self._live.get(endpoint, {})) - self._zombies.get(endpoint, 0)
        return here + self._elsewhere.get(endpoint, 0)

    def started_since(self, queue: QueueName, when: datetime) -> int:
        """Return how many pilots of a queue started after a time within the last hour."""
        return sum(1 for start in self._starts.get(queue, ()) if start > when)

    def history(self, queue: QueueName, since: datetime) -> History:
        """Return what became of a queue's pilots since a time, and which live."""
        outcomes = tuple(o for o in self._outcomes.get(queue, ()) if o.ended_at >= since)
        live = self.of(queue)
        return History(
            since,
            outcomes,
            live_planned_at=tuple(pilot.planned_at for pilot in live),
            live_started_at=tuple(pilot.started_at for pilot in live),
        )

    # --- changes

    def set_zombies(self, endpoint: str, n: int) -> None:
        """Say how many pilots of an endpoint no longer count, since nothing more can be done to end them."""
        self._zombies[endpoint] = n

    def set_elsewhere(self, pilots: Mapping[str, int]) -> None:
        """Say how many pilots of queues that other factories own count at each endpoint."""
        self._elsewhere = dict(pilots)

    def add(self, pilots: Iterable[Pilot]) -> None:
        """Take in pilots that are not in it yet."""
        for pilot in pilots:
            self._live.setdefault(pilot.endpoint, {})[pilot.id] = pilot
            self._of.setdefault(pilot.queue, {})[pilot.id] = pilot
            self._count(pilot, +1)

    def drop(self, pilots: Iterable[Pilot]) -> None:
        """Forget pilots that were reserved but never planned in the store; not those that left."""
        for pilot in pilots:
            if pilot.id in self._live.get(pilot.endpoint, {}):
                self._count(pilot, -1)
                self._remove(pilot)

    def take_over(self, pilots: Iterable[Pilot], now: datetime) -> None:
        """Take in the pilots of queues that another factory owned until now."""
        for pilot in pilots:
            self.add([pilot])
            if pilot.started_at is not None:
                self._note_start(pilot.queue, pilot.started_at, now)

    def leave(self, queues: Iterable[QueueName]) -> None:
        """Forget all of queues that another factory owns from now on."""
        for queue in queues:
            self.drop(self.of(queue))
            self._starts.pop(queue, None)
            self._outcomes.pop(queue, None)

    def recall(self, queue: QueueName, outcomes: Iterable[Outcome]) -> None:
        """Take in what the store holds of a queue's endings, oldest first, in place of what was known."""
        self._outcomes[queue] = deque(outcomes, maxlen=OUTCOMES_KEPT)

    def apply(self, pilot: Pilot, change: Transition) -> None:
        """Carry out a change of a live pilot; one that ends leaves the roster."""
        self._count(pilot, -1)
        if pilot.state in _WAITING and change.started_at is not None:
            self._note_start(pilot.queue, change.started_at, change.at)
        pilot.apply(change)
        if pilot.state.is_final:
            self._remove(pilot)
            if pilot.cause not in _NEVER_EXISTED:
                self._remember(pilot.queue, outcome_of(pilot))
        else:
            self._count(pilot, +1)

    def _remove(self, pilot: Pilot) -> None:
        del self._live[pilot.endpoint][pilot.id]
        del self._of[pilot.queue][pilot.id]

    def _remember(self, queue: QueueName, outcome: Outcome) -> None:
        kept = self._outcomes.setdefault(queue, deque(maxlen=OUTCOMES_KEPT))
        kept.append(outcome)
        while kept[0].ended_at < outcome.ended_at - HISTORY_KEPT:
            kept.popleft()

    def _note_start(self, queue: QueueName, start: datetime, now: datetime) -> None:
        starts = self._starts.setdefault(queue, deque())
        starts.append(start)
        while starts and starts[0] < now - STARTS_KEPT:
            starts.popleft()

    def _count(self, pilot: Pilot, n: int) -> None:
        self._total += n
        if pilot.retiring:
            self._retiring[pilot.queue] += n
        else:
            self._counts.setdefault(pilot.queue, Counter())[pilot.state] += n


def outcome_of(pilot: Pilot) -> Outcome:
    """Return the outcome of an ended pilot."""
    return Outcome(
        planned_at=pilot.planned_at,
        ended_at=pilot.ended_at or pilot.changed_at,
        wall_s=pilot.wall_s,
        failed=pilot.state in (PilotState.FAILED, PilotState.LOST),
        empty=bool(pilot.empty),
    )
