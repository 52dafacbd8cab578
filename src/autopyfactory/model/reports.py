"""What wrappers report from the nodes: kept beside the pilots, never mixed with what batch systems say."""

from dataclasses import dataclass
from datetime import datetime

from autopyfactory.model.names import PilotId
from autopyfactory.model.states import Report


@dataclass(frozen=True, slots=True)
class PilotReport:
    """One report of one pilot; ``seq`` tells it from the pilot's others, however often it is sent."""

    pilot: PilotId
    seq: int
    at: datetime
    """By the clock of the node."""
    state: Report
    received_at: datetime
    host: str = ""
    message: str = ""
    data: str = "{}"
    """A JSON object: the node's profile, validation results, what became of a payload…"""
