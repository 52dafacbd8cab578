"""Approach a large need in steps."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState


class Ramp(RuleSettings):
    """A third of the remaining need each cycle, rounded down, but at least 1.

    The remaining need is the number so far: rules such as `ready` have already taken off the pilots that
    earlier cycles submitted.
    """

    divisor: int = Field(default=3, ge=1, description="a cycle submits the need divided by this")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Leave a number to retire, and zero, as it is."""
        need = so_far.number
        if need <= 0:
            return so_far.then(need, "nothing more is needed", divisor=self.divisor)
        why = f"{need} are needed: no more than a {self.divisor}th part each cycle, but at least 1"
        return so_far.then(max(1, need // self.divisor), why, divisor=self.divisor)
