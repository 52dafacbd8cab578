"""Neither submit nor retire."""

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState


class Null(RuleSettings):
    """0, whatever the number so far."""

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing: unknown numbers make no difference."""
        return so_far.then(0, "nothing is to be done")
