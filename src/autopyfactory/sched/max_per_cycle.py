"""Submit no more than so many each cycle."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.cap import Cap


class MaxPerCycle(Cap):
    """``min(n, maximum)``."""

    maximum: int = Field(ge=0, description="pilots that may be submitted in one cycle")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing but the number so far."""
        why = f"at most {self.maximum} each cycle"
        return self.hold(so_far, self.maximum, why, maxpercycle=self.maximum)
