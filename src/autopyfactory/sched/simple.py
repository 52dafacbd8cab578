"""Submit for ready jobs, with a cap on what waits: one of APF 2's first rules."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.supply import on_the_way
from autopyfactory.sched.unknown import default_without_ready, without_pilots


class Simple(RuleSettings):
    """``min(max(0, ready − pending), maxpendingpilots − pending)``, never below zero."""

    default: int = Field(
        default=0,
        ge=0,
        description="submitted each cycle while the number of ready jobs is unknown; 0: nothing",
    )
    maxpendingpilots: int | None = Field(default=None, ge=0, description="pilots that may wait at once")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Submit ``default``, within the cap, without a number of ready jobs; block where that is 0."""
        if state.pilots is None:
            return without_pilots(so_far)
        if self.maxpendingpilots is not None:
            so_far = so_far.at_most(max(0, self.maxpendingpilots - state.pilots.waiting))
        ready = state.jobs.ready
        if ready is None:
            return default_without_ready(so_far, self.default)
        pending = on_the_way(state, state.pilots)
        why = f"{ready} jobs are ready, {pending} pilots are on their way"
        return so_far.then(max(0, ready - pending), why, activated=ready, pending=pending)
