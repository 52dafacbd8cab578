"""No WMS: for queues whose pilots are not driven by waiting work."""

from collections.abc import Mapping

from autopyfactory.api import Context, Settings
from autopyfactory.model import JobCounts, SiteStatus, WmsQueue


class NoStatusSettings(Settings):
    """There is nothing to set."""


class NoStatus:
    """Answers that no queue has jobs.  APF 2: the WMS status plugin *None*.

    The answer is good and mentions no queue, so that ready work is zero, not unknown.  It serves chains that
    do not look at it (``fixed``, ``keep_n_running``); ``ready`` never submits under it.
    """

    Settings = NoStatusSettings

    def __init__(self, settings: NoStatusSettings, context: Context) -> None:
        """Take the two arguments that every plugin is given; neither is needed."""

    async def counts(self) -> Mapping[WmsQueue, JobCounts]:
        """Return no queue at all."""
        return {}

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """Return no site: their status is unknown, unless the configuration sets it."""
        return {}

    async def close(self) -> None:
        """Do nothing."""
