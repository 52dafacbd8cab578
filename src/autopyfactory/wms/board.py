"""The built-in workload queue as a WMS; whatever else speaks the PanDA API v1 in the same way will do too."""

from collections import Counter
from collections.abc import Mapping

from pydantic import Field, SecretStr

from autopyfactory.api import Context, Settings, WmsUnavailable
from autopyfactory.model import JobCounts, SiteStatus, WmsQueue
from autopyfactory.wms.http import Json, PandaHttp, ServerUrl

_METHOD = "statistics/active_job_stats_by_site"

NUMBER_OF_STATUS: Mapping[str, str] = {
    "pending": "notready",
    "defined": "notready",
    "assigned": "notready",
    "waiting": "notready",
    "throttled": "notready",
    "activated": "ready",
    "starting": "running",
    "sent": "running",
    "running": "running",
    "holding": "running",
    "transferring": "running",
    "finished": "done",
    "failed": "failed",
    "cancelled": "failed",
}
"""Which number of `JobCounts` a job of that PanDA status counts for.  APF 2: mappings.conf."""


class BoardSettings(Settings):
    """Settings of ``plugin = "board"``."""

    url: ServerUrl
    """Where the board listens, for example ``http://127.0.0.1:25080``."""
    token: SecretStr | None = None
    """What the board asks every caller for; left out where it asks for none."""
    timeout_s: float = Field(default=60, gt=0)
    """An answer that takes longer counts as failed."""


class BoardStatus:
    """Counts the jobs of all queues in one call of ``statistics/active_job_stats_by_site``."""

    Settings = BoardSettings

    def __init__(self, settings: BoardSettings, context: Context) -> None:
        """Connect to nothing yet."""
        self._instance = context.instance
        self._http = PandaHttp(settings.url, token=settings.token, timeout_s=settings.timeout_s)

    async def counts(self) -> Mapping[WmsQueue, JobCounts]:
        """Return the jobs of every queue that has any; a board without jobs gives a good, empty answer.

        Raises `WmsUnavailable` with URL and cause for everything that is not a good answer in full.
        """
        reply = await self._http.get(_METHOD)
        try:
            if not reply.success:
                raise ValueError(f"the server says: {reply.message or 'success: false'}")
            return parse_statistics(reply.data)
        except ValueError as error:
            raise WmsUnavailable(f"{self._http.url}/api/v1/{_METHOD}: {error}") from error

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """Return ONLINE for every queue that has jobs: a board takes no queue off line."""
        return dict.fromkeys(await self.counts(), SiteStatus.ONLINE)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def parse_statistics(data: Json) -> dict[WmsQueue, JobCounts]:
    """Read ``{site: {status: number}}``; raises `ValueError` where it is anything else.

    A status that is not mentioned has no jobs.  PanDA counts active jobs only: where an answer mentions no
    final status of a queue, ``done`` and ``failed`` are unknown.  Statuses that are none of PanDA's list say
    nothing about waiting work and are passed over.
    """
    if not isinstance(data, dict):
        raise ValueError(f"expected an object of sites, got {type(data).__name__}")
    return {WmsQueue(site): _site_counts(site, statuses) for site, statuses in data.items()}


def _site_counts(site: str, statuses: Json) -> JobCounts:
    if not isinstance(statuses, dict):
        raise ValueError(f"site {site!r}: expected an object of statuses, got {type(statuses).__name__}")
    numbers: Counter[str] = Counter()
    for status, number in statuses.items():
        # a bool is an int in Python, but no number of jobs
        if type(number) is not int or number < 0:
            raise ValueError(f"site {site!r}: expected a number of {status!r} jobs, got {number!r:.40}")
        if status in NUMBER_OF_STATUS:
            numbers[NUMBER_OF_STATUS[status]] += number
    told = any(NUMBER_OF_STATUS.get(status) in {"done", "failed"} for status in statuses)
    return JobCounts(
        notready=numbers["notready"],
        ready=numbers["ready"],
        running=numbers["running"],
        done=numbers["done"] if told else None,
        failed=numbers["failed"] if told else None,
    )
