"""Keep a few pilots waiting at a site that is online, so that new work starts at once."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState, SiteStatus
from autopyfactory.sched.floor import lift
from autopyfactory.sched.unknown import without_pilots


class WarmPool(RuleSettings):
    """``max(n, minimum − pending)`` while the site is online.

    Like any floor it stays below caps, and raises nothing where pilots are to be retired.
    """

    minimum: int = Field(ge=0, description="pilots that wait while the site is online")

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Leave the number as it is unless the site is known to be online."""
        if state.pilots is None:
            return without_pilots(so_far)
        waiting = state.pilots.waiting
        facts = {"pending": waiting, "minimum": self.minimum}
        if state.site_status is not SiteStatus.ONLINE:
            return so_far.then(
                so_far.number, f"no pool: the site is {state.site_status}, not online", **facts
            )
        return lift(so_far, self.minimum - waiting, f"{waiting} wait, {self.minimum} are to", **facts)
