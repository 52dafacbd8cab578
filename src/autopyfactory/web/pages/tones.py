"""The colour of a state, by the class of a badge: where nothing is wrong there is next to none."""

from collections.abc import Mapping

from autopyfactory.model import PilotState

_PILOTS: Mapping[str, str] = {
    PilotState.FAILED: "bad",
    PilotState.LOST: "bad",
    PilotState.HELD: "warn",
    PilotState.UNKNOWN: "warn",
    PilotState.RUNNING: "good",
}


def of_pilot(state: str) -> str:
    """Return the class for a pilot's state."""
    return _PILOTS.get(state, "calm")
