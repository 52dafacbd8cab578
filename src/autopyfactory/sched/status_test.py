"""Submit a number of its own to a site that is in test."""

from autopyfactory.model import SiteStatus
from autopyfactory.sched.site_status import StatusRule


class StatusTest(StatusRule):
    """``pilots`` while the site is in test, else the number so far."""

    when = SiteStatus.TEST
