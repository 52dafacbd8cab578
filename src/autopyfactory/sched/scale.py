"""Multiply the number."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.product import times_up


class Scale(RuleSettings):
    """``ceil(n · factor)``.

    A number to retire is never scaled up: it is exactly what is too many.
    """

    factor: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, description="what the number is multiplied by"
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Look at nothing but the number so far."""
        n = so_far.number
        factor = self.factor if n >= 0 else min(self.factor, 1.0)
        return so_far.then(times_up(n, factor), f"{n} × {factor:g}, rounded up", factor=factor)
