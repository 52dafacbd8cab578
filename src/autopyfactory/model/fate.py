"""What became of a pilot, in one word."""

from enum import StrEnum

from autopyfactory.model.pilot import EndCause
from autopyfactory.model.states import PilotState


class Fate(StrEnum):
    """Kinds of endings, as reports and charts count them."""

    WORKED = "worked"
    """Ended well, and not empty."""
    EMPTY = "empty"
    """Ended without ever getting a payload."""
    FAILED = "failed"
    REMOVED = "removed"
    """By us, by an operator, or by a policy of the batch system."""
    LOST = "lost"
    NEVER_RAN = "never ran"
    """Refused by the batch system, or never sent."""

    @classmethod
    def of(cls, state: PilotState, cause: EndCause | None, empty: bool | None) -> "Fate":
        """Return what became of a pilot; ``state`` is final."""
        if cause in (EndCause.REFUSED, EndCause.UNSENT):
            return cls.NEVER_RAN
        if empty:
            return cls.EMPTY
        if cause is EndCause.CANCELLED:
            return cls.REMOVED
        return _BY_STATE[state]


_BY_STATE = {
    PilotState.DONE: Fate.WORKED,
    PilotState.FAILED: Fate.FAILED,
    PilotState.REMOVED: Fate.REMOVED,
    PilotState.LOST: Fate.LOST,
}
