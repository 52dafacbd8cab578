"""How pilots ended, from the attributes of their jobs."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from autopyfactory.batch.htcondor_listing import machine
from autopyfactory.batch.htcondor_submit import FACTORY, PILOT
from autopyfactory.model import EndCause, Ending, FactoryId, PilotId
from autopyfactory.schedd.changes import Row
from autopyfactory.schedd.jobs import JobStatus, quoted

CANCEL_CODE = 1
_LONGEST_LINGER_S = 10 * 24 * 3600
"""Ended jobs of others may stay in their queue that long (spooled ones wait for their output)."""


class EndedJob(NamedTuple):
    """The attributes that are asked for, in their order; None where undefined."""

    APF_PILOT: str
    JobStatus: int
    ExitBySignal: bool | None
    ExitCode: int | None
    ExitSignal: int | None
    RemoteWallClockTime: float | None
    LastRemoteHost: str | None
    RemoveReason: str | None
    JobStartDate: int | None
    JobCurrentStartDate: int | None
    CompletionDate: int | None
    EnteredCurrentStatus: int


ATTRIBUTES = EndedJob._fields


def action_reason(action: str, factory: FactoryId) -> str:
    """Return the text that jobs carry when this factory did something (``Remove``, ``Release``) to them."""
    return f"{action} by AutoPyFactory {factory}"


def endings(rows: Iterable[Row], factory: FactoryId) -> dict[PilotId, Ending]:
    """Return the endings of jobs that have left the queue or are done in it."""
    jobs = [EndedJob(*row) for row in rows]
    return {PilotId(job.APF_PILOT): ending(job, factory) for job in jobs}


def ending(job: EndedJob, factory: FactoryId) -> Ending:
    """Return how one job ended."""
    started = job.JobCurrentStartDate or job.JobStartDate
    cause, reason = _cause(job, factory)
    by_itself = cause in (EndCause.EXIT, EndCause.SIGNAL)
    return Ending(
        cause=cause,
        exit_code=job.ExitCode if cause is EndCause.EXIT else None,
        signal=job.ExitSignal if cause is EndCause.SIGNAL else None,
        started_at=_time(started),
        ended_at=_time(job.CompletionDate if by_itself else 0) or _time(job.EnteredCurrentStatus),
        wall_s=job.RemoteWallClockTime if started else None,
        host=machine(job.LastRemoteHost),
        reason=reason,
    )


def history_constraint(factory: FactoryId, pilots: Collection[PilotId]) -> str:
    """Return what the jobs of these pilots fulfil; short, whatever their number, since ids are ordered."""
    span = f"{PILOT} >= {quoted(min(pilots))} && {PILOT} <= {quoted(max(pilots))}"
    return f"{FACTORY} == {quoted(factory)} && {span}"


def history_end(factory: FactoryId, alive_at: int) -> str:
    """Return the expression at which a search of the history, newest first, may stop.

    ``alive_at``: when all pilots that are searched for were alive.  The history is ordered by the time at
    which jobs left the queue, which they do not tell; of ours that completed it is close to their completion.
    """
    ours = f"{FACTORY} =?= {quoted(factory)} && LeaveJobInQueue =?= false && CompletionDate < {alive_at}"
    return f"JobStatus == 4 && (({ours}) || CompletionDate < {alive_at - _LONGEST_LINGER_S})"


def still_queued_constraint(factory: FactoryId, removed_linger_s: float) -> str:
    """Return what pilots fulfil that have ended though they are still in the queue.

    A removed job is being ended; where that takes longer than ``removed_linger_s`` nothing more is to come.
    """
    lingers = f"JobStatus == {JobStatus.REMOVED:d} && time() - EnteredCurrentStatus > {removed_linger_s:.0f}"
    done = f"JobStatus == {JobStatus.COMPLETED:d}"
    return f"{FACTORY} == {quoted(factory)} && isString({PILOT}) && ({done} || ({lingers}))"


def _cause(job: EndedJob, factory: FactoryId) -> tuple[EndCause, str]:
    if job.JobStatus == JobStatus.COMPLETED:
        return (EndCause.SIGNAL if job.ExitBySignal else EndCause.EXIT), ""
    reason = job.RemoveReason or ""
    ours = reason.startswith(action_reason("Remove", factory))
    return (EndCause.CANCELLED if ours else EndCause.REMOVED), reason


def _time(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
