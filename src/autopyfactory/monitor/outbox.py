"""What waits to be told, within bounds.  Waits for nothing."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from autopyfactory.model import BatchId, Decision, PilotId, QueueName


class Announced(NamedTuple):
    """A pilot that a batch system has accepted."""

    queue: QueueName
    pilot: PilotId
    cid: BatchId


class Outbox:
    """Pilots in the order of their submission, and the last decision of each queue."""

    def __init__(self, pilots_kept: int) -> None:
        self._kept = pilots_kept
        self._pilots: deque[Announced] = deque()
        self._decisions: dict[QueueName, Decision] = {}
        self.lost = 0
        """Pilots for which there was no room."""

    def decide(self, queue: QueueName, decision: Decision) -> None:
        """Take in a decision, in place of one that was not told yet."""
        self._decisions[queue] = decision

    def announce(self, pilots: Iterable[Announced]) -> None:
        """Take in pilots; where there is no room, the oldest make it."""
        self._pilots.extend(pilots)
        self._make_room()

    @property
    def pilots(self) -> int:
        """How many pilots wait."""
        return len(self._pilots)

    def queues(self) -> set[QueueName]:
        """Return the queues that anything is to be told of."""
        return {pilot.queue for pilot in self._pilots} | self._decisions.keys()

    def take_pilots(self, n: int) -> list[Announced]:
        """Take out the oldest pilots, at most so many."""
        return [self._pilots.popleft() for _ in range(min(n, len(self._pilots)))]

    def put_back(self, pilots: Sequence[Announced]) -> None:
        """Put back what was taken out last and could not be told."""
        self._pilots.extendleft(reversed(pilots))
        self._make_room()

    def take_decision(self) -> tuple[QueueName, Decision] | None:
        """Take out the decision that came first; None: there is none."""
        queue = next(iter(self._decisions), None)
        return None if queue is None else (queue, self._decisions.pop(queue))

    def put_decision_back(self, queue: QueueName, decision: Decision) -> None:
        """Put back a decision that could not be told, unless there is a newer one."""
        self._decisions.setdefault(queue, decision)

    def _make_room(self) -> None:
        while len(self._pilots) > self._kept:
            self._pilots.popleft()
            self.lost += 1
