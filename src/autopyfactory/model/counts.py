"""How many jobs wait and how many pilots live."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from autopyfactory.model.states import PilotState


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs of one WMS queue; ``None`` where the number is unknown."""

    notready: int | None = None
    ready: int | None = None
    running: int | None = None
    done: int | None = None
    failed: int | None = None

    @classmethod
    def zero(cls) -> Self:
        """Return the counts of a queue that a good answer does not mention."""
        return cls(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class PilotCounts:
    """Live pilots of one factory queue."""

    planned: int = 0
    pending: int = 0
    held: int = 0
    running: int = 0
    unknown: int = 0
    """Not mentioned by the batch system at present; they may still exist, so they count as waiting."""
    retiring: int = 0
    """Told to end, not yet ended; not counted in any other number."""

    @classmethod
    def of(cls, states: Iterable[PilotState]) -> Self:
        """Count states; final ones are passed over."""
        n = Counter(states)
        return cls(
            planned=n[PilotState.PLANNED],
            pending=n[PilotState.PENDING],
            held=n[PilotState.HELD],
            running=n[PilotState.RUNNING],
            unknown=n[PilotState.UNKNOWN],
        )

    @property
    def waiting(self) -> int:
        """Pilots that have not started, in-flight ones included: APF 2's *pending*."""
        return self.planned + self.pending + self.held + self.unknown

    @property
    def total(self) -> int:
        """Pilots that wait or run; what caps are held against."""
        return self.waiting + self.running
