"""Submit a number of its own to a site that is offline."""

from autopyfactory.model import SiteStatus
from autopyfactory.sched.site_status import StatusRule


class StatusOffline(StatusRule):
    """``pilots`` while the site is offline, else the number so far."""

    when = SiteStatus.OFFLINE
