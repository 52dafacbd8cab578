"""Submit no fewer than so many each cycle."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.floor import Floor


class MinPerCycle(Floor):
    """``max(n, minimum)``."""

    minimum: int = Field(ge=0, description="pilots submitted in each cycle, with or without work for them")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing but the number so far."""
        why = f"at least {self.minimum} each cycle"
        return self.lift(so_far, self.minimum, why, minpercycle=self.minimum)
