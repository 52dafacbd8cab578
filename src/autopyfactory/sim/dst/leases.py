"""Keeps watch over the leases of two factories that share a store; see `autopyfactory.sim.dst.witness`."""

from collections.abc import Callable, Collection, Mapping, Sequence

from autopyfactory.model import PilotId, QueueName


class Leases:
    """Whose each queue is by the newest fence, and what the others must not do.  Factories are lives."""

    def __init__(self, note: Callable[[str, str], None], violate: Callable[[str, str], None]) -> None:
        self.owners: dict[QueueName, int] = {}
        """Queues that were given back are in it no more."""
        self._note = note
        self._violate = violate
        self._fences: dict[QueueName, int] = {}
        self._senders: dict[PilotId, tuple[int, QueueName]] = {}

    def claimed(self, life: int, gained: Mapping[QueueName, int]) -> None:
        """Look at leases that were taken."""
        for queue, fence in gained.items():
            self._note("lease", f"{queue}: life {life}, fence {fence}")
            if fence <= self._fences.get(queue, 0):
                self._violate("one owner", f"{queue} changes hands, and the fence stays at {fence}")
            self._fences[queue] = fence
            self.owners[queue] = life

    def given_back(self, life: int, queues: Collection[QueueName]) -> None:
        """Take note of leases that an owner gave up; those of others stay."""
        for queue in queues:
            if self.owners.get(queue) == life:
                del self.owners[queue]

    def wrote(self, life: int, queues: Collection[QueueName]) -> None:
        """Look at a change that the store kept under the leases of these queues."""
        for queue in queues:
            if self.owners.get(queue) != life:
                self._violate("one owner", f"life {life} writes for {queue} of {self._owner(queue)}")

    def sending(self, life: int, queue: QueueName, pilots: Sequence[PilotId]) -> None:
        """Take note of a submission that sets out."""
        self._senders.update(dict.fromkeys(pilots, (life, queue)))

    def arrived(self, pilots: Sequence[PilotId]) -> None:
        """Look at a submission that reaches a site."""
        for life, queue in {self._senders[pilot] for pilot in pilots}:
            if self.owners.get(queue) != life:
                self._violate("one owner", f"life {life} submits for {queue} of {self._owner(queue)}")

    def _owner(self, queue: QueueName) -> str:
        return f"life {self.owners[queue]}" if queue in self.owners else "nobody"
