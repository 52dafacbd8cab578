"""Numbers over time, as charts draw them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from autopyfactory.model import QueueName


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One stretch of time: means of what was observed in it, sums of what was done.

    None: it was unknown throughout.  A stretch in which nothing was observed or done has no point.
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
    ended: int = 0
    """Pilots that ended, however."""


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one queue, or (None) of all together, oldest first."""

    queue: QueueName | None
    since: datetime
    until: datetime
    step: timedelta
    points: tuple[SeriesPoint, ...]
