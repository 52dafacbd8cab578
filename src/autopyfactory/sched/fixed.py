"""Submit the same number each cycle."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState


class Fixed(RuleSettings):
    """``pilotspercycle``, whatever the number so far."""

    pilotspercycle: int = Field(default=0, ge=0, description="pilots submitted each cycle")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing: unknown numbers make no difference."""
        return so_far.then(self.pilotspercycle, f"pilotspercycle={self.pilotspercycle}")
