"""Numbers over time, as charts and reports need them, and the contract of the store towards those."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from autopyfactory.model import Fate, QueueName

MAX_POINTS = 300

WAIT_EDGES_S = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200)
"""Where one class of waiting times ends and the next begins."""
WALL_EDGES_S = (10, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 345600)
"""Where one class of wall times ends and the next begins."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One stretch of time: means of what was observed in it, sums of what was done.

    None: it was unknown throughout, or not observed.  A stretch in which nothing was observed or done has no
    point.
    """

    at: datetime
    """Its beginning; it lasts `Series.step`."""
    ready: float | None = None
    """Jobs that wait for a pilot."""
    pending: float | None = None
    """Pilots that have not started."""
    running: float | None = None
    """Pilots that run."""
    submitted: int = 0
    """Pilots planned."""
    endings: Mapping[Fate, int] = field(default_factory=dict)
    """Pilots that ended; fates that befell none may be left out."""
    unknown: int = 0
    """In the numbers of all queues together: queues that are left out, since theirs were unknown."""
    observed: bool = True
    """Whether there was a cycle in it.  If not, it is there for its endings alone.

    Steps may be shorter than the time from one cycle to the next.
    """

    @property
    def ended(self) -> int:
        """Pilots that ended, however."""
        return sum(self.endings.values())


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one queue, or (None) of all together, oldest first."""

    queue: QueueName | None
    since: datetime
    """A multiple of the step since 1970, so that points stay where they are while time goes on."""
    until: datetime
    step: timedelta
    points: tuple[SeriesPoint, ...]


@dataclass(frozen=True, slots=True)
class PilotTimes:
    """What became of the pilots that ended within a window, and how long they waited and ran."""

    endings: Mapping[Fate, int]
    waits: tuple[int, ...]
    """How many waited below the first of `WAIT_EDGES_S`, below the second, …, above the last."""
    walls: tuple[int, ...]
    """How many were on their node below the first of `WALL_EDGES_S`, …, above the last."""
    mean_wait_s: float | None
    """From planned to started; None: no pilot started."""
    mean_wall_s: float | None
    node_s: float
    """Time on nodes in all."""
    work_s: float
    """Of that, the time of pilots that ended well and not empty."""

    @property
    def ended(self) -> int:
        """Pilots that ended, however."""
        return sum(self.endings.values())

    @property
    def empty_share(self) -> float | None:
        """Of those that a batch system had accepted; None: there was none."""
        return self._share(Fate.EMPTY)

    @property
    def failure_share(self) -> float | None:
        """Those that failed or were lost, of those that a batch system had accepted; None: there was none."""
        return self._share(Fate.FAILED, Fate.LOST)

    def _share(self, *fates: Fate) -> float | None:
        accepted = self.ended - self.endings.get(Fate.NEVER_RAN, 0)
        return sum(self.endings.get(fate, 0) for fate in fates) / accepted if accepted else None


class SeriesStore(Protocol):
    """What charts and reports are made of.  Errors as in `Store`."""

    async def series(self, since: datetime, until: datetime, queue: QueueName | None = None) -> Series:
        """Return the numbers of a queue, or of all together, in at most `MAX_POINTS` steps.

        ``since`` moves back to the beginning of its step.  Numbers beyond the time for which cycles are
        kept are there in steps of an hour or more, as long as pilots are kept.
        """
        ...

    async def pilot_times(
        self, since: datetime, until: datetime, queue: QueueName | None = None
    ) -> PilotTimes:
        """Sum up the pilots that ended from a time on and before another."""
        ...
