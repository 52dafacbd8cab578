"""What a chain of rules sees of a factory queue."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from autopyfactory.model.counts import JobCounts, PilotCounts
from autopyfactory.model.names import QueueName
from autopyfactory.model.states import SiteStatus


class Outcome(NamedTuple):
    """One ended pilot that had been accepted by the batch system."""

    planned_at: datetime
    ended_at: datetime
    wall_s: float | None
    """Time on the node; None where it never started or nobody knows."""
    failed: bool
    """FAILED or LOST; neither an empty pilot nor one that was cancelled."""
    empty: bool


@dataclass(frozen=True, slots=True)
class History:
    """What became of a queue's pilots lately; for rules that say so by ``uses_history``."""

    since: datetime | None = None
    """How far back it reaches; None: no history is kept, or not yet."""
    outcomes: tuple[Outcome, ...] = ()
    """Oldest end first."""
    live_planned_at: tuple[datetime, ...] = ()
    """When each live pilot was planned, oldest first."""
    live_started_at: tuple[datetime | None, ...] = ()
    """When each of ``live_planned_at`` started, in the same order; None: not yet.  Empty: not known."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """Everything a rule may look at.  ``None`` means unknown, which is not zero."""

    name: QueueName
    observed_at: datetime
    """The time of the cycle: what rules use as *now*."""
    jobs: JobCounts = JobCounts()
    pilots: PilotCounts | None = None
    site_status: SiteStatus = SiteStatus.UNKNOWN
    just_started: int = 0
    """Pilots that started after the WMS counted its jobs: their payloads may still be counted as ready."""
    factory_total: int | None = None
    """Pilots that wait or run in all queues of this factory, in-flight ones included."""
    history: History = field(default_factory=History)
