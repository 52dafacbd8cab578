"""The contract of a WMS status plugin: how much work waits."""

from collections.abc import Mapping
from typing import Protocol

from autopyfactory.model import JobCounts, SiteStatus, WmsQueue


class WmsStatus(Protocol):
    """One WMS.  One call answers for all of its queues."""

    async def counts(self) -> Mapping[WmsQueue, JobCounts]:
        """Return the jobs of every queue that the WMS mentions.

        A queue that a good answer does not mention has no jobs.  Raises `WmsUnavailable` where the
        answer cannot be relied on in full; a part of an answer is never returned.
        """
        ...

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """Return the status of the sites; one not mentioned is unknown.  Raises `WmsUnavailable`."""
        ...

    async def close(self) -> None:
        """Let go of connections and helper processes.  Twice is harmless."""
        ...
