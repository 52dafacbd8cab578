"""Submit for ready jobs, with all caps and floors in one: APF 2's rule before there were chains."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, PilotCounts, QueueState, SiteStatus
from autopyfactory.sched.supply import on_the_way
from autopyfactory.sched.unknown import default_without_ready, without_pilots


class Activated(RuleSettings):
    """``max(0, ready − pending)``, raised to the floors, then held to the caps; 0 while the site is offline.

    A site whose status is unknown counts as online, as in APF 2.  Caps hold against floors, also where
    APF 2 applied a floor last, and the result is never below zero.
    """

    default: int = Field(
        default=0,
        ge=0,
        description="submitted each cycle while the number of ready jobs is unknown; 0: nothing",
    )
    max_jobs_torun: int | None = Field(default=None, ge=0, description="pilots that may wait or run at once")
    max_pilots_per_cycle: int | None = Field(
        default=None, ge=0, description="pilots that may be submitted in a cycle"
    )
    min_pilots_per_cycle: int = Field(default=0, ge=0, description="pilots submitted in each cycle")
    max_pilots_pending: int | None = Field(default=None, ge=0, description="pilots that may wait at once")
    min_pilots_pending: int = Field(
        default=0, ge=0, description="pilots that wait, with or without work for them"
    )
    testmode_allowed: bool = False
    """Whether a site in test gets ``testmode_pilots`` each cycle; otherwise it counts as online."""
    testmode_pilots: int = Field(
        default=0, ge=0, description="pilots submitted each cycle while the site is in test"
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Submit ``default``, within the caps, without a number of ready jobs; block where that is 0."""
        pilots = state.pilots
        if pilots is None:
            return without_pilots(so_far)
        capped = self._capped(so_far, pilots)
        ready = state.jobs.ready
        if ready is None:
            return default_without_ready(capped, self.default)
        if state.site_status is SiteStatus.OFFLINE:
            return so_far.at_most(0).then(0, "the site is offline", comment="offline")
        if state.site_status is SiteStatus.TEST and self.testmode_allowed:
            return capped.then(self.testmode_pilots, "the site is in test", comment="test")
        pending = on_the_way(state, pilots)
        need = max(ready - pending, self.min_pilots_pending - pilots.waiting, self.min_pilots_per_cycle)
        return capped.then(
            need,
            f"{ready} jobs are ready, {pending} pilots are on their way",
            activated=ready,
            pending=pending,
            running=pilots.running,
        )

    def _capped(self, so_far: Decision, pilots: PilotCounts) -> Decision:
        """Return the decision with all caps set."""
        for maximum, there in (
            (self.max_jobs_torun, pilots.total),
            (self.max_pilots_pending, pilots.waiting),
            (self.max_pilots_per_cycle, 0),
        ):
            if maximum is not None:
                so_far = so_far.at_most(max(0, maximum - there))
        return so_far
