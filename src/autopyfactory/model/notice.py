"""A notice: something that an operator should know of for as long as it lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about."""

    ENDPOINT_DOWN = "endpoint_down"
    """A WMS or a batch system gives no usable answer."""
    BREAKER_OPEN = "breaker_open"
    """Submissions of a queue fail, and it is backing off."""
    QUEUE_STARVING = "queue_starving"
    """Work waits, and no pilot runs."""
    BLACK_HOLE = "black_hole"
    """Pilots die fast on one node."""
    CREDENTIAL_EXPIRES = "credential_expires"
    """A credential is near its end, or past it."""
    STORE_TROUBLE = "store_trouble"
    """The factory's own state cannot be read or written."""


class Severity(StrEnum):
    """How much a notice matters."""

    WARNING = "warning"
    """Worth a look before it grows."""
    CRITICAL = "critical"
    """Pilots are not submitted, or soon will not be."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is wrong at present."""

    key: str
    """Its identity: the same from one observation to the next, whatever becomes of the text."""
    kind: NoticeKind
    scope: str
    """``wms.NAME``, ``batch.NAME``, ``queue.NAME``, ``host.NAME``, ``credentials.NAME`` or ``store``."""
    text: str
    """What is wrong, in one line; may hold words of other systems."""
    since: datetime
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """What is kept of one way to tell operators."""

    state: str
    """What it has told and has yet to tell, as JSON: its own business."""
    trouble: str = ""
    """Why its last message did not get through; empty where all is well."""


@dataclass(frozen=True, slots=True)
class NoticeLook:
    """The last look at what is wrong, and what came of telling it."""

    number: int = 0
    """Counts the looks that were kept; 0: there was none yet."""
    at: datetime | None = None
    notices: tuple[Notice, ...] = ()
    channels: Mapping[str, ChannelRecord] = field(default_factory=dict)
    """By the NAME of ``[notify.NAME]``."""


@dataclass(frozen=True, slots=True)
class HostTally:
    """The pilots that ended on one host after they had started."""

    host: str
    ran: int
    fast: int
    """Of these failed within the wall time that was asked for; neither empty nor cancelled ones."""
    first_fast_at: datetime
    """When the first of those ended."""
