"""A pilot: what is asked of the batch system, what it answers, and what the factory remembers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from autopyfactory.model.names import BatchId, PilotId, QueueName
from autopyfactory.model.states import PilotState


@dataclass(frozen=True, slots=True)
class PilotSpec:
    """What to run; the same for all pilots of one submission.

    What differs from pilot to pilot (its id, the URLs of its logs) is added by the batch plugin.
    """

    queue: QueueName
    executable: Path
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    """Files that are sent along."""
    cores: int = 1
    memory_mb: int = 2000
    disk_mb: int = 1000
    gpus: int = 0
    walltime_s: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Further settings in the batch system's own language, for example HTCondor's ``+Name``."""
    log_dir: Path = Path()
    """Where stdout, stderr and the batch log of the pilots go; made by the batch plugin."""
    log_url: str = ""
    """URL under which ``log_dir`` is served; empty where it is not."""
    report_url: str = ""
    """Where wrappers report to; empty: they do not."""
    report_key: bytes | None = field(default=None, repr=False)
    """What each pilot's token is signed with; never shown, and never sent to a node."""


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """Which pilots were accepted, and why the others were not.  Together: all that were asked for."""

    accepted: Mapping[PilotId, BatchId]
    refused: Mapping[PilotId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """One live pilot as the batch system lists it."""

    state: PilotState
    """PENDING, HELD or RUNNING."""
    batch_id: BatchId
    queue: QueueName
    """Factory queue that the pilot is tagged with."""
    since: datetime | None = None
    """When it entered this state, by the batch system's clock."""
    host: str = ""
    reason: str = ""
    """Why it is held, in the batch system's words."""


class EndCause(StrEnum):
    """How a pilot came to its end."""

    EXIT = "exit"
    """Its process ended; the exit code tells how."""
    SIGNAL = "signal"
    """Its process was killed by a signal."""
    CANCELLED = "cancelled"
    """Cancelled by this factory."""
    REMOVED = "removed"
    """Removed by somebody else, or by a policy of the batch system."""
    REFUSED = "refused"
    """The batch system refused it; it never existed there."""
    UNSENT = "unsent"
    """Planned, but it never reached the batch system."""
    VANISHED = "vanished"
    """No longer listed, and not in the history either, for longer than the grace time."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one pilot ended, as the batch system tells it."""

    cause: EndCause
    exit_code: int | None = None
    signal: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    wall_s: float | None = None
    """Time on the node; None where it never started or nobody knows."""
    host: str = ""
    reason: str = ""


@dataclass(slots=True)
class Pilot:
    """What the factory remembers of one pilot."""

    id: PilotId
    queue: QueueName
    endpoint: str
    """Batch instance that it was sent to: NAME of ``[batch.NAME]``."""
    state: PilotState
    planned_at: datetime
    changed_at: datetime
    """When it entered its state."""
    batch_id: BatchId | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    host: str = ""
    reason: str = ""
    cause: EndCause | None = None
    exit_code: int | None = None
    signal: int | None = None
    wall_s: float | None = None
    empty: bool | None = None
    """Ended without ever getting a payload; None while it lives, or where nobody knows."""
    retiring: bool = False
    """We asked the batch system to remove it."""
    releases: int = 0
    """How often we had it try again after it was held."""

    def apply(self, change: "Transition") -> None:
        """Carry out a change.  A pilot that lives (again) has no ending; one that ended has its time."""
        self.state, self.changed_at, self.reason = change.state, change.at, change.reason
        for name in _LEFT_WHERE_NONE:
            value = getattr(change, name)
            if value is not None:
                setattr(self, name, value)
        if change.state.is_final:
            self.ended_at = self.ended_at or change.at
        else:
            self.ended_at = self.cause = self.exit_code = self.signal = self.wall_s = self.empty = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one pilot.  Fields that are None leave what is stored."""

    pilot: PilotId
    at: datetime
    state: PilotState
    reason: str = ""
    batch_id: BatchId | None = None
    host: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cause: EndCause | None = None
    exit_code: int | None = None
    signal: int | None = None
    wall_s: float | None = None
    empty: bool | None = None
    retiring: bool | None = None
    releases: int | None = None


_LEFT_WHERE_NONE = (
    "batch_id",
    "host",
    "started_at",
    "ended_at",
    "cause",
    "exit_code",
    "signal",
    "wall_s",
    "empty",
    "retiring",
    "releases",
)
