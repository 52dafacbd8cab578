"""HTCondor: pilots as jobs of one schedd."""

import asyncio
import getpass
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pydantic import Field

from autopyfactory.api import (
    BatchUnavailable,
    Context,
    Deadline,
    SubmitRejected,
    SubmitTooLate,
    SubmitUnknown,
)
from autopyfactory.batch.environment import pilot_token, reports
from autopyfactory.batch.htcondor_endings import (
    ATTRIBUTES,
    CANCEL_CODE,
    action_reason,
    endings,
    history_constraint,
    history_end,
    still_queued_constraint,
)
from autopyfactory.batch.htcondor_listing import DETAILS, Draft, Listing, live_jobs, waiting_among
from autopyfactory.batch.htcondor_submit import (
    PILOT,
    Submitter,
    is_false,
    items,
    submit_description,
    submit_file,
)
from autopyfactory.model import (
    BatchId,
    BatchStatus,
    Ending,
    PilotId,
    PilotSpec,
    SubmitResult,
    planned_at,
)
from autopyfactory.schedd.client import ScheddClient
from autopyfactory.schedd.errors import ScheddError, ScheddSilent, ScheddTooLate
from autopyfactory.schedd.settings import ScheddSettings

_JOBS_PER_ACTION = 1000
_CLOCK_SKEW_S = 600
"""How far the clocks of schedd and factory may be apart before an ending is overlooked."""
_SLACK_S = 60
"""How much earlier than it was listed last a pilot's end is searched for."""


class HTCondorSettings(ScheddSettings):
    """The settings of ``plugin = "htcondor"`` in ``[batch.NAME]``."""

    attributes: Mapping[str, str] = Field(default_factory=dict)
    """Submit commands and job attributes (``"+Name"``) for the pilots of all queues; a queue's own win."""
    submit_host: str = ""
    """What stands for this machine in ``FACTORY_JOBID``; left out: its host name."""
    job_log: bool = True
    """Whether each pilot has an event log (``.log``) beside its output."""
    log_dir_mode: str | None = Field(default=None, pattern="^[0-7]{3,4}$")
    """Permissions of new log directories, for example "1777" where jobs run as another user."""
    history_limit: int = Field(default=100_000, ge=1)
    """Ended jobs that are read at once from the schedd's history."""
    history_within_s: float = Field(default=120, gt=0)
    """A search of the history that takes longer is given up, and tried again later."""
    removed_linger_s: float = Field(default=900, gt=0)
    """A removed pilot that is still in the queue after so long counts as ended."""


class HTCondorBatch:
    """One schedd.  Pilots are vanilla jobs, found again by the attributes APF_FACTORY and APF_PILOT."""

    Settings = HTCondorSettings

    def __init__(self, settings: HTCondorSettings, context: Context) -> None:
        self._settings = settings
        self._factory = context.factory
        self._submitter = Submitter(context.factory, settings.submit_host or socket.gethostname(), _user())
        self._schedd = settings.client()
        self._credentials = settings.credentials()
        self._listing = Listing()
        self._refreshing = asyncio.Lock()

    @property
    def schedd(self) -> ScheddClient:
        """The connection to the schedd."""
        return self._schedd

    async def submit(
        self, spec: PilotSpec, pilots: Sequence[PilotId], *, deadline: Deadline | None = None
    ) -> SubmitResult:
        """Submit all pilots in one transaction: all exist afterwards, or none."""
        if not pilots:
            return SubmitResult({})
        settings = self._settings
        tokens = [pilot_token(spec, self._factory, pilot) for pilot in pilots] if reports(spec) else []
        description = submit_description(spec, self._submitter, settings.attributes, job_log=settings.job_log)
        try:
            # folders may lie on a file server that hangs
            await asyncio.to_thread(_prepare, spec, description, pilots, settings.log_dir_mode)
        except OSError as error:
            raise SubmitRejected(f"{spec.queue}: {error}") from error
        try:
            cluster, first, count = await self._schedd.submit(description, items(pilots, tokens), deadline)
        except ScheddTooLate as error:
            raise SubmitTooLate(f"{self._schedd.name}: {error}") from error
        except ScheddSilent as error:
            raise SubmitUnknown(f"{self._schedd.name}: {error}") from error
        except ScheddError as error:
            raise SubmitRejected(f"{self._schedd.name}: {error}") from error
        if count != len(pilots):
            raise SubmitUnknown(
                f"{self._schedd.name}: {len(pilots)} pilots were submitted, {count} confirmed"
            )
        return SubmitResult(
            {pilot: BatchId(f"{cluster}.{proc}") for proc, pilot in enumerate(pilots, start=first)}
        )

    async def status(self) -> Mapping[PilotId, BatchStatus]:
        """Return every live pilot of this factory; a snapshot that does not change later."""
        async with self._refreshing:
            return await self._refresh()

    async def ended(self, pilots: Collection[PilotId]) -> Mapping[PilotId, Ending]:
        """Return endings out of the schedd's history, and of pilots that linger in the queue."""
        wanted = frozenset(pilots)
        if not wanted:
            return {}
        try:
            rows = await self._schedd.history(
                history_constraint(self._factory, wanted),
                ATTRIBUTES,
                history_end(self._factory, min(self._alive_at(pilot) for pilot in wanted)),
                self._settings.history_limit,
                wanted,
                self._settings.history_within_s,
            )
            told = endings(rows, self._factory)
            if len(told) < len(wanted):
                constraint = still_queued_constraint(self._factory, self._settings.removed_linger_s)
                rows = await self._schedd.rows(constraint, ATTRIBUTES)
                told |= endings([row for row in rows if row[0] in wanted - told.keys()], self._factory)
        except ScheddError as error:
            raise BatchUnavailable(f"{self._schedd.name}: {error}") from error
        return told

    async def cancel(self, pilots: Collection[PilotId], *, waiting_only: bool = False) -> None:
        """Remove the jobs of these pilots, pending and running alike unless ``waiting_only``."""
        jobs = await self._jobs(pilots)
        for chunk in waiting_among(jobs) if waiting_only else _chunks(jobs):
            await self._act("Remove", chunk)

    async def release(self, pilots: Collection[PilotId]) -> None:
        """Release the jobs of these pilots; the schedd passes over those that are not held."""
        for chunk in _chunks(await self._jobs(pilots)):
            await self._act("Release", chunk)

    async def _jobs(self, pilots: Collection[PilotId]) -> list[BatchId]:
        """Return the jobs of those pilots that are alive, as far as the newest listing knows."""
        wanted = set(pilots)
        listed = self._listing.pilots
        if not wanted <= listed.keys():
            listed = await self.status()
        return [listed[pilot].batch_id for pilot in wanted if pilot in listed]

    async def _act(self, action: str, jobs: Sequence[str] | str) -> None:
        try:
            await self._schedd.act(action, jobs, action_reason(action, self._factory), CANCEL_CODE)
        except ScheddError as error:
            raise BatchUnavailable(f"{self._schedd.name}: {error}") from error

    async def close(self) -> None:
        """Stop the worker process; a submission in the middle of it becomes unknown."""
        await self._schedd.close()

    async def credential_ends(self) -> Mapping[str, datetime]:
        """Return the ends of the tokens and of the proxy that the settings name, by their files."""
        return await self._credentials.credential_ends()

    async def _refresh(self) -> Mapping[PilotId, BatchStatus]:
        draft = Draft()
        try:
            summary = await self._schedd.listing(
                live_jobs(self._factory), PILOT, DETAILS, self._listing.basis, draft.take
            )
        except ScheddError as error:
            raise BatchUnavailable(f"{self._schedd.name}: {error}") from error
        if not self._listing.finish(draft, summary):
            raise BatchUnavailable(
                f"{self._schedd.name}: the listing does not add up; asking for all of it next"
            )
        return self._listing.pilots

    def _alive_at(self, pilot: PilotId) -> int:
        """Return a time, by the schedd's clock, at which the pilot had not ended yet."""
        seen = self._listing.last_seen(pilot)
        if seen is not None:
            return seen - _SLACK_S
        return int(planned_at(pilot).timestamp()) - _CLOCK_SKEW_S


def _chunks(jobs: Sequence[BatchId]) -> list[Sequence[BatchId]]:
    return [jobs[start : start + _JOBS_PER_ACTION] for start in range(0, len(jobs), _JOBS_PER_ACTION)]


def _prepare(
    spec: PilotSpec, description: Mapping[str, str], pilots: Sequence[PilotId], mode: str | None
) -> None:
    """Make the log directory, with a copy of the description; look for the files that are to be sent.

    HTCondor would take the pilots and hold each of them for want of its files.
    """
    needed = list(spec.inputs)
    if not is_false(description, "transfer_executable"):
        needed.append(spec.executable)
    for path in needed:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist, and is to be sent with each pilot")
    if not spec.log_dir.is_dir():
        spec.log_dir.mkdir(parents=True, exist_ok=True)
        if mode is not None:
            spec.log_dir.chmod(int(mode, 8))
    (spec.log_dir / "submit.jdl").write_text(submit_file(description, pilots), encoding="utf-8")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid, as in containers
        return str(os.getuid())
