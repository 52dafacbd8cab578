"""The contract of the store: the durable memory of a factory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autopyfactory.model import (
    CycleRecord,
    EndCause,
    EndpointHealth,
    JobCounts,
    Outcome,
    Pilot,
    PilotCounts,
    PilotId,
    PilotState,
    QueueName,
    Transition,
)


@dataclass(frozen=True, slots=True)
class PilotFilter:
    """Which pilots are asked for; None and empty mean any."""

    queue: QueueName | None = None
    states: frozenset[PilotState] = frozenset()
    since: datetime | None = None
    """Planned at or after."""
    limit: int = 100
    after: PilotId | None = None
    """For the next page: the last pilot of this one.  Newest come first."""


@dataclass(frozen=True, slots=True)
class StoredTransition:
    """One change in the life of a pilot; ``before`` is None where it was planned."""

    at: datetime
    before: PilotState | None
    after: PilotState
    reason: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The numbers of one cycle of one queue, for charts."""

    at: datetime
    queue: QueueName
    jobs: JobCounts
    pilots: PilotCounts | None
    submit: int
    planned: int


class Store(Protocol):
    """Durable state.  Every method that writes is one transaction: all of it is kept, or nothing.

    Times are arguments; the store never asks a clock.  Raises `StoreUnavailable` (submit nothing, try
    again) and `StoreRefused` (stop).
    """

    async def plan(self, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str) -> int:
        """Keep a cycle and its planned pilots (none: just the cycle), and return the cycle's id.

        Once this returns the pilots are PLANNED, whatever becomes of this process.
        """
        ...

    async def record(self, changes: Sequence[Transition]) -> None:
        """Apply changes in order; for a pilot that is not in the store, raises `KeyError`."""
        ...

    async def adopt(self, pilots: Sequence[Pilot]) -> None:
        """Insert pilots that the batch system has and the store does not know."""
        ...

    async def live(self) -> list[Pilot]:
        """Return all pilots that are not in a final state, oldest first."""
        ...

    async def find(self, pilots: Sequence[PilotId]) -> Mapping[PilotId, Pilot]:
        """Return those of these pilots that the store knows, live or ended."""
        ...

    async def outcomes(self, queue: QueueName, since: datetime, limit: int = 2000) -> list[Outcome]:
        """Return the newest ``limit`` outcomes since a time, oldest first; REFUSED and UNSENT left out."""
        ...

    async def save_health(self, health: Sequence[EndpointHealth]) -> None:
        """Keep the health of endpoints, over what was kept under the same names."""
        ...

    async def health(self) -> Mapping[str, EndpointHealth]:
        """Return the health of all endpoints by name."""
        ...

    async def pilots(self, which: PilotFilter) -> list[Pilot]:
        """Return pilots, newest first."""
        ...

    async def transitions(self, pilot: PilotId) -> list[StoredTransition]:
        """Return the life of one pilot, oldest change first; empty where it is unknown."""
        ...

    async def cycle(self, queue: QueueName, id: int | None = None) -> CycleRecord | None:  # noqa: A002
        """Return one cycle of a queue with its whole trace: the newest, or the one with this id."""
        ...

    async def cycles(self, queue: QueueName, limit: int = 20) -> list[CycleRecord]:
        """Return the newest cycles of a queue, newest first."""
        ...

    async def latest(self) -> Mapping[QueueName, CycleRecord]:
        """Return the newest cycle of every queue that ever had one."""
        ...

    async def samples(self, since: datetime, queue: QueueName | None = None) -> list[Sample]:
        """Return the numbers of the cycles since a time, oldest first."""
        ...

    async def endings(
        self, since: datetime, queue: QueueName | None = None
    ) -> Mapping[tuple[PilotState, EndCause | None, bool | None], int]:
        """Count the pilots that ended since a time by (state, cause, empty)."""
        ...

    async def prune(self, pilots_before: datetime, cycles_before: datetime) -> int:
        """Forget ended pilots (with their transitions) and cycles older than that; return how many rows.

        Live pilots, and the newest cycle of each queue, are kept however old they are.
        """
        ...

    async def close(self) -> None:
        """Let go of connections.  Twice is harmless."""
        ...
