"""Submit for ready jobs, with a number for the time in which the WMS does not answer."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.supply import on_the_way
from autopyfactory.sched.unknown import default_without_ready, without_pilots


class FillActivated(RuleSettings):
    """``max(0, ready − pending)``, whatever the number so far."""

    apf2_name = "Fillactivated"

    default: int = Field(
        default=0,
        ge=0,
        description="submitted each cycle while the number of ready jobs is unknown; 0: nothing",
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Submit ``default`` without a number of ready jobs; block where that is 0."""
        if state.pilots is None:
            return without_pilots(so_far)
        ready = state.jobs.ready
        if ready is None:
            return default_without_ready(so_far, self.default)
        pending, running = on_the_way(state, state.pilots), state.pilots.running
        return so_far.then(
            max(0, ready - pending),
            f"{ready} jobs are ready, {pending} pilots are on their way",
            activated=ready,
            pending=pending,
            running=running,
        )
