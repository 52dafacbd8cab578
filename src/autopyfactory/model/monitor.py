"""What a monitor keeps of factories, their queues ("labels") and their pilots ("jobs").

The words are those of the monitors' protocol, older than this package: see docs/reference/monitor.md.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MESSAGES_KEPT = 5
"""Of each label."""
MESSAGE_CHARACTERS = 1024
"""Of one message; the rest is cut off."""


class JobState(StrEnum):
    """What is told of a pilot."""

    CREATED = "created"
    RUNNING = "running"
    EXITING = "exiting"
    DONE = "done"
    FAULT = "fault"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected."""
        return self in (JobState.DONE, JobState.FAULT)


@dataclass(frozen=True, slots=True)
class FactoryCard:
    """How a factory presents itself."""

    name: str
    url: str = ""
    email: str = ""
    version: str = ""
    kind: str = ""
    ip: str = ""
    """The address that it presented itself from."""


@dataclass(frozen=True, slots=True)
class MonitoredFactory:
    """A factory that a monitor watches."""

    card: FactoryCard
    startup_at: datetime
    heard_at: datetime
    """When it last told anything."""
    traces: int = 0
    """Rule traces since it started."""
    created: int = 0
    """Pilots in its last announcement of pilots."""


@dataclass(frozen=True, slots=True)
class LabelCard:
    """How a factory presents one of its queues."""

    factory: str
    name: str
    batchqueue: str = ""
    wmsqueue: str = ""
    resource: str = ""
    localqueue: str = ""


@dataclass(frozen=True, slots=True)
class LabelMessage:
    """What a factory said of a queue, mostly the trace of its rules."""

    at: datetime
    origin: str
    """An address."""
    text: str


@dataclass(frozen=True, slots=True)
class MonitoredLabel:
    """A queue of a factory that a monitor watches."""

    card: LabelCard
    created_at: datetime
    heard_at: datetime
    messages: tuple[LabelMessage, ...] = ()
    """The last ones, oldest first."""
    data: str = ""
    """What was sent along with the last message that had any: JSON."""


@dataclass(frozen=True, slots=True)
class JobDetails:
    """What is told of a pilot beside its state; empty where nobody said so."""

    workerid: str = ""
    computingsite: str = ""
    computingelement: str = ""
    stdout: str = ""
    stderr: str = ""
    joblog: str = ""


@dataclass(frozen=True, slots=True)
class MonitoredJob:
    """A pilot that a monitor watches."""

    factory: str
    cid: str
    """What its batch system calls it."""
    label: str
    created_at: datetime
    state: JobState
    changed_at: datetime
    """When it entered its state."""
    heard_at: datetime
    """When anything was last told of it."""
    flagged_at: datetime | None = None
    """When it was found to be in its state for too long; None: it is not."""
    rc: int | None = None
    wrapper: str = ""
    """Version of its wrapper."""
    ids: str = ""
    """Payloads that it ran, as the wrapper lists them."""
    details: JobDetails = JobDetails()


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a wrapper, or somebody for it, says of a pilot."""

    state: JobState
    at: datetime
    origin: str
    """An address."""
    rc: int | None = None
    wrapper: str = ""
    ids: str = ""
    details: JobDetails = JobDetails()
    twice: bool = False
    """It may come on several ways: to say again what is known is no error."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line in the history of a pilot."""

    at: datetime
    origin: str
    text: str
