"""Submit for the jobs that are ready and have no pilot on its way yet."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.supply import on_the_way
from autopyfactory.sched.unknown import without_pilots, without_ready


class Ready(RuleSettings):
    """``max(0, ready − offset − pending)``, whatever the number so far."""

    offset: int = Field(default=0, ge=0, description="ready jobs that are left to others")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Block without a number of ready jobs."""
        if state.pilots is None:
            return without_pilots(so_far)
        ready = state.jobs.ready
        if ready is None:
            return without_ready(so_far)
        pending = on_the_way(state, state.pilots)
        return so_far.then(
            max(0, ready - self.offset - pending),
            f"{ready} jobs are ready, {self.offset} of them left to others; {pending} pilots on their way",
            activated=ready,
            offset=self.offset,
            pending=pending,
        )
