"""The life of a pilot as a monitor sees it: which changes are allowed, and what long silence means."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta

from autopyfactory.model.monitor import JobDetails, JobReport, JobState, MonitoredJob

CREATED_FLAGGED_AFTER = timedelta(hours=6)
RUNNING_FLAGGED_AFTER = timedelta(hours=72)
FLAGGED_FAULT_AFTER = timedelta(hours=24)
EXITING_DONE_AFTER = timedelta(minutes=30)

NEXT: Mapping[JobState, frozenset[JobState]] = {
    JobState.CREATED: frozenset({JobState.RUNNING, JobState.FAULT}),
    JobState.RUNNING: frozenset({JobState.EXITING, JobState.FAULT}),
    JobState.EXITING: frozenset({JobState.DONE, JobState.FAULT}),
    JobState.DONE: frozenset({JobState.FAULT}),
    JobState.FAULT: frozenset(),
}
"""Which states may follow a state."""


class BadTransition(ValueError):
    """A pilot in its state cannot go over to the state that is told."""


def told(job: MonitoredJob, report: JobReport) -> MonitoredJob:
    """Return the pilot after a report of it; raises `BadTransition`."""
    if report.state in NEXT[job.state]:
        entered = replace(job, state=report.state, changed_at=report.at, flagged_at=None)
    elif report.twice and report.state is job.state:
        entered = job
    else:
        raise BadTransition(f"Invalid state transition: {job.state}->{report.state}")
    return replace(
        entered,
        heard_at=max(job.heard_at, report.at),
        rc=job.rc if report.rc is None else report.rc,
        wrapper=report.wrapper or job.wrapper,
        ids=report.ids or job.ids,
        details=_filled(job.details, report.details),
    )


def aged(job: MonitoredJob, now: datetime) -> tuple[MonitoredJob, str]:
    """Return the pilot after what its silence until now means, and that in words.

    The words are empty where nothing follows; then the pilot is as it was.
    """
    due = due_at(job)
    if due is None or now < due:
        return job, ""
    if job.state is JobState.EXITING:
        return replace(
            job, state=JobState.DONE, changed_at=now, flagged_at=None
        ), "exiting for too long: done"
    if job.flagged_at is None:
        return replace(job, flagged_at=now), f"{job.state} for too long: flagged"
    text = f"{job.state}, flagged and silent for too long: fault"
    return replace(job, state=JobState.FAULT, changed_at=now), text


def due_at(job: MonitoredJob) -> datetime | None:
    """Return from when on `aged` has something to say of a pilot; None: never."""
    if job.state.is_final:
        return None
    if job.state is JobState.EXITING:
        return job.changed_at + EXITING_DONE_AFTER
    if job.flagged_at is not None:
        return max(job.flagged_at, job.heard_at) + FLAGGED_FAULT_AFTER
    limit = CREATED_FLAGGED_AFTER if job.state is JobState.CREATED else RUNNING_FLAGGED_AFTER
    return job.changed_at + limit


def _filled(known: JobDetails, said: JobDetails) -> JobDetails:
    """Return details of which the factory's own words count before the wrapper's."""
    names = [field.name for field in fields(JobDetails)]
    return JobDetails(**{name: getattr(known, name) or getattr(said, name) for name in names})
