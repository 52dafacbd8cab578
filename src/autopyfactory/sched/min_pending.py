"""Keep so many pilots waiting."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.floor import Floor
from autopyfactory.sched.unknown import without_pilots


class MinPending(Floor):
    """``max(n, minimum − pending)``."""

    minimum: int = Field(ge=0, description="pilots that wait, with or without work for them")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Count pilots in flight as waiting."""
        if state.pilots is None:
            return without_pilots(so_far)
        waiting = state.pilots.waiting
        return self.lift(
            so_far,
            self.minimum - waiting,
            f"{waiting} wait, {self.minimum} are to",
            minpending=self.minimum,
            pending=waiting,
        )
