"""Words of HTCondor that both kinds of plugins use."""

from enum import IntEnum


class JobStatus(IntEnum):
    """The attribute ``JobStatus`` of a job."""

    UNEXPANDED = 0
    IDLE = 1
    RUNNING = 2
    REMOVED = 3
    """Removed, but still in the queue: what ran is being ended."""
    COMPLETED = 4
    HELD = 5
    TRANSFERRING_OUTPUT = 6
    SUSPENDED = 7


def quoted(text: str) -> str:
    """Return a ClassAd string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
