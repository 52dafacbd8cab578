"""Submit no more than so many at once."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.cap import Cap


class MaxToSubmit(Cap):
    """``min(n, maximum)``: a second cap like `max_per_cycle`, for chains that want one elsewhere.

    The plugin of APF 2.4 was empty; this is what its name says.
    """

    maximum: int = Field(ge=0, description="pilots that may be submitted at once")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing but the number so far."""
        why = f"at most {self.maximum} at once"
        return self.hold(so_far, self.maximum, why, maxtosubmit=self.maximum)
