"""How a pilot ended, in a few classes: a label must not take as many values as there are exit codes."""

from enum import StrEnum

from autopyfactory.api import EndedPilots
from autopyfactory.model import EndCause, PilotState


class Ending(StrEnum):
    """The values of the label ``ending``."""

    DONE = "done"
    """It worked, and ended well."""
    EMPTY = "empty"
    """It never got a payload."""
    FAILED = "failed"
    """Its exit code tells of an error."""
    SIGNAL = "signal"
    CANCELLED = "cancelled"
    REMOVED = "removed"
    REFUSED = "refused"
    UNSENT = "unsent"
    VANISHED = "vanished"
    OTHER = "other"
    """Nobody told how."""


_BY_CAUSE = {
    None: Ending.OTHER,
    EndCause.EXIT: Ending.FAILED,
    EndCause.SIGNAL: Ending.SIGNAL,
    EndCause.CANCELLED: Ending.CANCELLED,
    EndCause.REMOVED: Ending.REMOVED,
    EndCause.REFUSED: Ending.REFUSED,
    EndCause.UNSENT: Ending.UNSENT,
    EndCause.VANISHED: Ending.VANISHED,
}


def ending_of(ended: EndedPilots) -> Ending:
    """Return the class that pilots belong to."""
    if ended.empty:
        return Ending.EMPTY
    return Ending.DONE if ended.state is PilotState.DONE else _BY_CAUSE[ended.cause]
