"""The cycles of all factory queues; they change when the configuration does."""

from collections.abc import Iterable, Iterator, Set

from autopyfactory.config.tree import Config, QueueConfig
from autopyfactory.control.cycle import QueueCycle
from autopyfactory.control.endpoints import Endpoints
from autopyfactory.control.shared import Shared
from autopyfactory.model import QueueName


class Queues:
    """The cycles, by the name of their queue."""

    def __init__(self, endpoints: Endpoints, shared: Shared) -> None:
        self._endpoints = endpoints
        self._shared = shared
        self._cycles: dict[QueueName, QueueCycle] = {}

    def __iter__(self) -> Iterator[QueueCycle]:
        return iter(self._cycles.values())

    def __len__(self) -> int:
        return len(self._cycles)

    def add(self, queues: Iterable[QueueConfig]) -> None:
        """Take in those that are not in it yet; their endpoints are there."""
        endpoints = self._endpoints
        for queue in queues:
            if queue.name not in self._cycles:
                wms, batch = queue.settings.wms, queue.settings.batch
                self._cycles[queue.name] = QueueCycle(
                    queue, endpoints.wms[wms], endpoints.sites[batch], endpoints.watched[batch], self._shared
                )

    def changed(self, config: Config, new_endpoints: Set[str]) -> set[QueueName]:
        """Return those that are different there, are gone, or have endpoints (by label) that are new."""
        return {
            cycle.name
            for cycle in self
            if config.queues.get(cycle.name) != cycle.config or _endpoints_of(cycle.config) & new_endpoints
        }

    def drop(self, names: Iterable[QueueName]) -> None:
        """Let go of queues; their loops have been stopped."""
        for name in names:
            del self._cycles[name]

    def with_history(self) -> set[QueueName]:
        """Return those whose rules look back."""
        return {cycle.name for cycle in self if cycle.uses_history}

    def recalled(self) -> set[QueueName]:
        """Return those whose rules look back, and that need not recall anything for that."""
        return {cycle.name for cycle in self if cycle.uses_history and not cycle.must_recall}

    def have_recall(self, names: Set[QueueName]) -> None:
        """Have queues recall, before they decide next, what the store knows of their past."""
        for cycle in self:
            if cycle.name in names:
                cycle.must_recall = True


def _endpoints_of(queue: QueueConfig) -> set[str]:
    return {f"wms.{queue.settings.wms}", f"batch.{queue.settings.batch}"}
