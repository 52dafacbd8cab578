"""What the rules that look at the site's status have in common."""

from typing import ClassVar

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState, SiteStatus


class StatusRule(RuleSettings):
    """A rule with a number of its own for sites of one status.

    That number is a cap for the rules after it, too.  Retiring is left as it is.
    """

    when: ClassVar[SiteStatus]
    """The status that it is about."""

    pilots: int = Field(
        default=0, ge=0, description="pilots submitted each cycle while the site has that status"
    )
    apf2_quirks: bool = False
    """As in AutoPyFactory 2: ``pilots`` are submitted also where earlier rules want to retire, and rules
    after this one may submit more."""

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Block where nobody knows the site's status."""
        status = state.site_status
        if status is SiteStatus.UNKNOWN:
            why = (
                "the status of the site is unknown; where its WMS tells none, set the queue's status yourself"
            )
            return so_far.block(why, comment="no siteinfo")
        if status is not self.when:
            return so_far.then(so_far.number, f"the site is {status}", comment=f"not {self.when}")
        why = f"the site is {status}: pilots={self.pilots}"
        if self.apf2_quirks:
            return so_far.then(self.pilots, why, comment=str(status))
        number = so_far.number if so_far.number < 0 else self.pilots
        return so_far.at_most(self.pilots).then(number, why, comment=str(status))
