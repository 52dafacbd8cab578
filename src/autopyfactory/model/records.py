"""What is kept of each cycle and of each endpoint, so that every number can be explained."""

from dataclasses import dataclass
from datetime import datetime

from autopyfactory.model.decision import Decision
from autopyfactory.model.names import QueueName
from autopyfactory.model.queue import QueueState


@dataclass(frozen=True, slots=True)
class InputAge:
    """Where one input of a decision came from, and how old it was."""

    endpoint: str
    """``wms.NAME`` or ``batch.NAME``."""
    age_s: float | None
    """Seconds since the last good answer; None: never."""
    error: str = ""
    """Why there is no usable number; empty where there is one."""


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One cycle of one factory queue: what was seen, decided and done."""

    state: QueueState
    """Its history is not kept."""
    inputs: tuple[InputAge, ...]
    decision: Decision
    id: int | None = None
    """Given by the store."""
    planned: int = 0
    """Pilots planned and handed on to the batch system; 0 in a dry run."""
    note: str = ""
    """Why fewer were planned than decided (dry run, back-off, …)."""

    @property
    def queue(self) -> QueueName:
        """The factory queue."""
        return self.state.name

    @property
    def at(self) -> datetime:
        """The time of the cycle."""
        return self.state.observed_at


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How an endpoint, or a queue's submission, fares."""

    name: str
    """``wms.NAME``, ``batch.NAME`` or ``queue.NAME``."""
    ok_at: datetime | None = None
    error: str = ""
    """The last error; empty since the last success."""
    error_at: datetime | None = None
    failures: int = 0
    """In a row."""
    retry_at: datetime | None = None
    """Not tried before; None: no back-off."""
