"""Those who are told what the factory does, while it does it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from autopyfactory.api import FactoryListener
from autopyfactory.model import BatchId, CycleRecord, Pilot, PilotId, QueueName, Transition

logger = logging.getLogger(__name__)


class Listeners:
    """Tells every listener.  One that fails is logged, and neither the others nor the cycle suffer."""

    def __init__(self, listeners: Sequence[FactoryListener] = ()) -> None:
        self._listeners = tuple(listeners)

    def cycle(self, record: CycleRecord) -> None:
        """Tell of a cycle of one queue."""
        self._tell(lambda listener: listener.cycle(record))

    def submitted(self, live: Mapping[PilotId, Pilot], changes: Iterable[Transition]) -> None:
        """Tell of the pilots that changes give a batch id to; called before these are applied."""
        if not self._listeners:
            return
        accepted: dict[QueueName, dict[PilotId, BatchId]] = {}
        for change in changes:
            pilot = live[change.pilot]
            if pilot.batch_id is None and change.batch_id is not None:
                accepted.setdefault(pilot.queue, {})[pilot.id] = change.batch_id
        for queue, pilots in accepted.items():
            self._tell(lambda listener, queue=queue, pilots=pilots: listener.submitted(queue, pilots))  # type: ignore[misc]

    def _tell(self, tell: Callable[[FactoryListener], None]) -> None:
        for listener in self._listeners:
            try:
                tell(listener)
            except Exception:
                logger.exception("a listener failed unexpectedly", extra={"action": "listen"})
