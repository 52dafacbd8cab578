"""Which queues have labels of their own, and what is said of all others together."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from autopyfactory.model import QueueName

OTHER = "other"
"""The label of the queues beyond the maximum."""

V = TypeVar("V")


class Shown:
    """Labels of queues: the first ``maximum`` names have one each."""

    def __init__(self, configured: Iterable[QueueName], left: Iterable[QueueName], maximum: int) -> None:
        """Take the queues of the configuration, and those of which only pilots are left."""
        first = sorted(configured)
        names = [*first, *sorted(set(left) - set(first))]
        self._own = frozenset(names[:maximum])
        self.folded = len(names[maximum:])

    def label(self, queue: QueueName) -> str:
        """Return the label of a queue."""
        return queue if queue in self._own else OTHER

    def grouped(self, values: Mapping[QueueName, V]) -> dict[str, list[V]]:
        """Return the values of queues by label."""
        groups: dict[str, list[V]] = {}
        for queue, value in values.items():
            groups.setdefault(self.label(queue), []).append(value)
        return groups

    def added_up(self, values: Iterable[tuple[QueueName, str, float]]) -> dict[tuple[str, str], float]:
        """Return the sums of numbers by label and by what else they are labelled with."""
        sums: dict[tuple[str, str], float] = {}
        for queue, kind, number in values:
            key = self.label(queue), kind
            sums[key] = sums.get(key, 0) + number
        return sums
