"""What operators ask for, and who may: overrides of queues, pilots to remove, tokens, the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autopyfactory.model.names import PilotId, QueueName
from autopyfactory.model.pilot import Pilot


class OverrideKind(StrEnum):
    """How an operator holds a queue back."""

    DRAINED = "drained"
    """Until it is resumed."""
    DOWNTIME = "downtime"
    """Until a time."""


@dataclass(frozen=True, slots=True)
class Override:
    """A queue that submits nothing because an operator says so; its pilots are watched to their end."""

    queue: QueueName
    kind: OverrideKind
    by: str
    at: datetime
    why: str = ""
    until: datetime | None = None
    """When a downtime is over; None for a queue that is drained."""

    def holds_back(self, now: datetime) -> str:
        """Return why nothing is submitted now, or an empty text: a downtime ends by itself."""
        if self.until is not None and now >= self.until:
            return ""
        reason = f": {self.why}" if self.why else ""
        end = f" until {self.until.isoformat(timespec='minutes')}" if self.until else ""
        state = "drained" if self.kind is OverrideKind.DRAINED else "in downtime"
        return f"{state}{end} by {self.by}{reason}"


@dataclass(frozen=True, slots=True)
class Retirement:
    """One pilot that is to be removed because an operator says so."""

    pilot: PilotId
    changed_at: datetime
    """When the pilot entered the state that it was chosen in: once it is in another, nothing is asked."""
    by: str
    at: datetime
    why: str = ""

    def asks_for(self, pilot: Pilot) -> bool:
        """Whether a pilot is still to be removed: marking it as retiring is a change as well."""
        return pilot.id == self.pilot and pilot.changed_at == self.changed_at

    @property
    def reason(self) -> str:
        """What is noted of the pilot."""
        return f"retired by {self.by}: {self.why}" if self.why else f"retired by {self.by}"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that an operator did: who, when, what, from where."""

    at: datetime
    who: str
    action: str
    """For example ``drain`` or ``token.create``."""
    target: str
    detail: str = ""
    origin: str = ""
    """An address, or ``cli`` with the name of the machine."""
    id: int | None = None
    """Given by the store; grows."""


class Scope(StrEnum):
    """What a token of the API may do."""

    READ = "read"
    OPERATE = "operate"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is kept: its digest, never itself."""

    id: str
    name: str
    digest: str
    """SHA-256 in hexadecimal digits."""
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def refusal(self, now: datetime) -> str:
        """Return why it is not accepted now, or an empty text."""
        if self.revoked_at is not None:
            return "the token was revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "the token has expired"
        return ""
