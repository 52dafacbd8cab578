"""Hold back while enough pilots wait."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.cap import Cap
from autopyfactory.sched.unknown import without_pilots


class MaxPending(Cap):
    """``min(n, maximum − pending)``, never below zero."""

    maximum: int = Field(ge=0, description="pilots that may wait at once")
    allow_negative: bool = True
    """Looked at only with ``apf2_quirks``: whether pilots above ``maximum`` are retired."""
    apf2_quirks: bool = False
    """As in AutoPyFactory 2: no limit while nothing waits, pilots above ``maximum`` are retired, and rules
    after this one may go above it."""

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Count pilots in flight as waiting."""
        if state.pilots is None:
            return without_pilots(so_far)
        waiting = state.pilots.waiting
        if self.apf2_quirks and waiting == 0:
            return so_far.then(
                so_far.number, "nothing waits: no limit (apf2_quirks)", pending=0, maxpending=self.maximum
            )
        room = self.maximum - waiting
        if not (self.apf2_quirks and self.allow_negative):
            room = max(0, room)
        why = f"{waiting} of {self.maximum} already wait"
        return self.hold(so_far, room, why, pending=waiting, maxpending=self.maximum)
