"""Submit for ready jobs, with weights for jobs and pilots."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.product import times_down
from autopyfactory.sched.supply import on_the_way
from autopyfactory.sched.unknown import without_pilots, without_ready


class WeightedActivated(RuleSettings):
    """``max(0, int(ready · activated) − int(pending · pending weight))``, whatever the number so far."""

    activated: float = Field(default=1.0, ge=0, allow_inf_nan=False, description="weight of a ready job")
    pending: float = Field(default=1.0, ge=0, allow_inf_nan=False, description="weight of a pending pilot")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Block without a number of ready jobs."""
        if state.pilots is None:
            return without_pilots(so_far)
        ready = state.jobs.ready
        if ready is None:
            return without_ready(so_far)
        pending = on_the_way(state, state.pilots)
        weighted_ready = times_down(ready, self.activated)
        weighted_pending = times_down(pending, self.pending)
        return so_far.then(
            max(0, weighted_ready - weighted_pending),
            f"{ready} ready jobs weigh {weighted_ready}, {pending} pilots on their way {weighted_pending}",
            activated=ready,
            weightedactivated=weighted_ready,
            pending=pending,
            weightedpending=weighted_pending,
        )
