"""The contract of the store towards metrics: all queues at once, in few numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autopyfactory.api.store import Sample
from autopyfactory.model import EndCause, PilotState, QueueName, SiteStatus


@dataclass(frozen=True, slots=True)
class NewestCycle:
    """The newest cycle of a queue, without its trace."""

    sample: Sample
    breaker: str = ""
    """State of the rule ``breaker``; empty: there is none in the chain, or it knew nothing."""
    site_status: SiteStatus = SiteStatus.UNKNOWN
    note: str = ""
    """Why fewer were planned than decided."""


@dataclass(frozen=True, slots=True)
class CycleSums:
    """What some cycles of a queue come to."""

    cycles: int
    submit: int
    """Pilots that were decided on."""
    planned: int


@dataclass(frozen=True, slots=True)
class EndedPilots:
    """How many pilots of a queue ended alike."""

    queue: QueueName
    state: PilotState
    cause: EndCause | None
    empty: bool | None
    pilots: int
    learnt: int
    """Those of them whose end became known within the span that was asked for."""


class CensusStore(Protocol):
    """What is counted over all queues.  Errors as in `Store`."""

    async def newest_cycles(self) -> list[NewestCycle]:
        """Return the newest cycle of every queue that ever had one, by name."""
        ...

    async def newest_cycle_id(self) -> int:
        """Return the id of the newest cycle; 0 where there is none."""
        ...

    async def cycle_sums(self, after: int, until: int) -> Mapping[QueueName, CycleSums]:
        """Sum up the cycles whose id is above ``after`` and at most ``until``."""
        ...

    async def ended_pilots(
        self, since: datetime, learnt_after: datetime, learnt_until: datetime
    ) -> list[EndedPilots]:
        """Count the pilots that ended since a time.

        Among them those whose end was learnt after ``learnt_after`` and no later than ``learnt_until``: the
        batch system may tell it long after it happened.
        """
        ...
