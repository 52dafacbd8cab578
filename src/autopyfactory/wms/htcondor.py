"""HTCondor as WMS: the jobs of another schedd are the work that waits."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from autopyfactory.api import Context, WmsUnavailable
from autopyfactory.model import JobCounts, SiteStatus, WmsQueue
from autopyfactory.schedd.client import ScheddClient
from autopyfactory.schedd.errors import ScheddError
from autopyfactory.schedd.settings import ScheddSettings

Meaning = Literal["notready", "ready", "running", "done", "failed"]
StatusCode = Annotated[int, Field(ge=0, le=7)]

APF2_MAPPING: Mapping[int, Meaning] = {
    0: "ready",
    1: "ready",
    2: "running",
    3: "done",
    4: "done",
    5: "failed",
    6: "running",
    7: "running",
}


class HTCondorStatusSettings(ScheddSettings):
    """The settings of ``plugin = "htcondor"`` in ``[wms.NAME]``."""

    constraint: str = "true"
    """ClassAd expression that the jobs which count as work fulfil."""
    queue_attribute: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """Job attribute that names the WMS queue; jobs without it are not counted."""
    queue: str = ""
    """The one WMS queue that all these jobs belong to, where no attribute names it."""
    mapping: Mapping[StatusCode, Meaning] = Field(default_factory=dict)
    """Meanings of ``JobStatus`` that differ from the usual, for example ``{5 = "notready"}``."""

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if bool(self.queue_attribute) == bool(self.queue):
            raise ValueError('expected either queue_attribute (for example "SiteName") or queue, not both')
        return self


class HTCondorStatus:
    """Counts the jobs of one schedd.  APF 2: the WMS status plugin *Condor*."""

    Settings = HTCondorStatusSettings

    def __init__(self, settings: HTCondorStatusSettings, context: Context) -> None:
        self._settings = settings
        self._meaning = {**APF2_MAPPING, **settings.mapping}
        self._schedd = settings.client()
        self._credentials = settings.credentials()

    @property
    def schedd(self) -> ScheddClient:
        """The connection to the schedd."""
        return self._schedd

    async def counts(self) -> Mapping[WmsQueue, JobCounts]:
        """Return the jobs of each queue, by one query of one or two attributes."""
        settings = self._settings
        try:
            tally = await self._schedd.tally(settings.constraint, settings.queue_attribute)
        except ScheddError as error:
            raise WmsUnavailable(f"{self._schedd.name}: {error}") from error
        numbers: defaultdict[str, Counter[Meaning]] = defaultdict(Counter)
        for (name, status), count in tally.items():
            queue = name or settings.queue
            if queue:
                numbers[queue][self._meaning[status]] += count
        return {WmsQueue(queue): _counts(number) for queue, number in numbers.items()}

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """Return no site: their status is unknown, unless the configuration sets it."""
        return {}

    async def close(self) -> None:
        """Stop the worker process."""
        await self._schedd.close()

    async def credential_ends(self) -> Mapping[str, datetime]:
        """Return the ends of the tokens and of the proxy that the settings name, by their files."""
        return await self._credentials.credential_ends()


def _counts(number: Counter[Meaning]) -> JobCounts:
    return JobCounts(number["notready"], number["ready"], number["running"], number["done"], number["failed"])
