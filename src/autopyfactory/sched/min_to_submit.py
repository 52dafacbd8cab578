"""Submit no fewer than so many at once."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.floor import Floor


class MinToSubmit(Floor):
    """``max(n, minimum)``: a second floor like `min_per_cycle`, for chains that want one elsewhere.

    The plugin of APF 2.4 was empty; this is what its name says.
    """

    minimum: int = Field(ge=0, description="pilots submitted at once, with or without work for them")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing but the number so far."""
        why = f"at least {self.minimum} at once"
        return self.lift(so_far, self.minimum, why, mintosubmit=self.minimum)
