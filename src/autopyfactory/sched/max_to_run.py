"""Hold back while enough pilots wait or run."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.cap import Cap
from autopyfactory.sched.unknown import without_pilots


class MaxToRun(Cap):
    """``min(n, maximum − pending − running)``, never below zero."""

    maximum: int = Field(ge=0, description="pilots that may wait or run at once")
    apf2_quirks: bool = False
    """As in AutoPyFactory 2: pilots above ``maximum`` are retired, and rules after this
    one may go above it."""

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Count pilots in flight as waiting."""
        pilots = state.pilots
        if pilots is None:
            return without_pilots(so_far)
        room = self.maximum - pilots.total
        return self.hold(
            so_far,
            room if self.apf2_quirks else max(0, room),
            f"{pilots.waiting} wait and {pilots.running} run, of {self.maximum}",
            maxtorun=self.maximum,
            pending=pilots.waiting,
            running=pilots.running,
        )
