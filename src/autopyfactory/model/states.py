"""States of a pilot, what its wrapper reported, and the status of a site."""

from enum import StrEnum


class PilotState(StrEnum):
    """What the factory believes of a pilot."""

    PLANNED = "planned"
    """In the store, not yet confirmed by the batch system."""
    PENDING = "pending"
    """Accepted, waiting to start."""
    HELD = "held"
    RUNNING = "running"
    UNKNOWN = "unknown"
    """Not mentioned by the batch system; says nothing about its end."""
    DONE = "done"
    """Ended well."""
    FAILED = "failed"
    """Ended with an error, or was never accepted: exit code, signal and reason tell."""
    REMOVED = "removed"
    """Cancelled by us or by an operator."""
    LOST = "lost"
    """No longer known anywhere after the grace time."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected of the pilot."""
        return self in _FINAL

    @property
    def is_live(self) -> bool:
        """Whether the pilot may exist in the batch system."""
        return self not in _FINAL


_FINAL = frozenset({PilotState.DONE, PilotState.FAILED, PilotState.REMOVED, PilotState.LOST})


class Report(StrEnum):
    """What the wrapper said, independent of what the batch system says."""

    STARTED = "started"
    VALIDATED = "validated"
    PAYLOAD = "payload"
    EXITING = "exiting"
    FAULT = "fault"
    HEARTBEAT = "heartbeat"
    """Nothing new; it is alive."""


class SiteStatus(StrEnum):
    """What the WMS says of a site."""

    ONLINE = "online"
    TEST = "test"
    OFFLINE = "offline"
    BROKEROFF = "brokeroff"
    UNKNOWN = "unknown"
