"""The life of a job, as transactions on the board's tables.

A job that waits is ``activated``.  A pilot that acquires it holds a lease; every report extends it.  A lease
that runs out, and a failure, end the attempt: the job goes back to the queue under the next attempt number,
or fails for good when its attempts are spent.  Reports carry the number of their attempt, so that a pilot
that was given up is told so and cannot disturb its successor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from autopyfactory.board.database import jobs
from autopyfactory.board.jobs import FINAL, LEASED, JobInfo, JobSpec, JobState, JobStatus

TO_BE_KILLED = "tobekilled"
"""PanDA's command to a pilot: stop the payload."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a pilot can take; None where it does not say."""

    memory_mb: int | None = None
    cores: int | None = None
    multicore: bool | None = None
    """PanDA's resource types: SCORE takes jobs of one core, MCORE those of several."""


@dataclass(frozen=True, slots=True)
class Handout:
    """One attempt of a job, handed out to a pilot."""

    job_id: int
    attempt: int
    spec: JobSpec


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a pilot says of the job that it holds."""

    job_id: int
    status: JobStatus
    attempt: int | None = None
    """None: whichever attempt is the present one."""
    node: str = ""
    exit_code: int | None = None
    diag: str = ""
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a report was taken, and whether the payload shall end."""

    refused: str = ""
    """Why it was not taken; empty if it was."""
    kill: bool = False


def submit(connection: Connection, specs: Sequence[JobSpec], now: datetime) -> list[int]:
    """Add jobs, all or none, and return their ids in the same order."""
    at = now.timestamp()
    rows = [
        {
            "queue": spec.queue,
            "status": JobStatus.ACTIVATED,
            "priority": spec.priority,
            "cores": spec.cores,
            "memory_mb": spec.memory_mb,
            "attempt": 1,
            "max_attempts": spec.max_attempts,
            "kill": False,
            "created_at": at,
            "changed_at": at,
            "name": spec.name,
            "node": "",
            "diag": "",
            "spec": spec.model_dump_json(),
        }
        for spec in specs
    ]
    returning = insert(jobs).returning(jobs.c.id, sort_by_parameter_order=True)
    return list(connection.execute(returning, rows).scalars()) if rows else []


def acquire(
    connection: Connection, queue: str, n: int, room: Room, node: str, now: datetime, lease: timedelta
) -> list[Handout]:
    """Hand out up to n jobs of a queue that fit: the highest priority first, then the oldest."""
    fits: list[ColumnElement[bool]] = []
    if room.memory_mb is not None:
        fits.append(jobs.c.memory_mb <= room.memory_mb)
    if room.cores is not None:
        fits.append(jobs.c.cores <= room.cores)
    if room.multicore is not None:
        fits.append(jobs.c.cores > 1 if room.multicore else jobs.c.cores == 1)
    chosen = connection.execute(
        select(jobs.c.id, jobs.c.attempt, jobs.c.spec)
        .where(jobs.c.queue == queue, jobs.c.status == JobStatus.ACTIVATED, *fits)
        .order_by(jobs.c.priority.desc(), jobs.c.id)
        .limit(n)
    ).all()
    if chosen:
        connection.execute(
            update(jobs).where(jobs.c.id.in_([row.id for row in chosen])),
            _held(JobStatus.SENT, node, now, lease),
        )
    return [Handout(row.id, row.attempt, JobSpec.model_validate_json(row.spec)) for row in chosen]


def report(connection: Connection, said: JobReport, now: datetime, lease: timedelta) -> Verdict:
    """Take what a pilot says of its job.

    A final status is kept for ever; the report that set it may come again.  Anything else about a job that is
    over, or about an attempt that was given up, is refused and the pilot told to stop.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == said.job_id)).one_or_none()
    refused = _refusal(row, said)
    if row is None or refused:
        return Verdict(refused, kill=True)
    if JobStatus(row.status).is_final:
        return Verdict()
    if said.status is JobStatus.FINISHED:
        change = _over(JobStatus.FINISHED, said.diag, now) | {"result": said.result}
    elif said.status is JobStatus.FAILED:
        change = _attempt_over(row, said.diag, now)
    else:
        change = _held(said.status, said.node or row.node, now, lease)
    if said.exit_code is not None:
        change["exit_code"] = said.exit_code
    connection.execute(update(jobs).where(jobs.c.id == row.id), change)
    return Verdict(kill=row.kill and said.status in LEASED)


def _refusal(row: Row[Any] | None, said: JobReport) -> str:
    if row is None:
        return f"job {said.job_id} is not on this board"
    status, attempt = JobStatus(row.status), row.attempt if said.attempt is None else said.attempt
    if attempt != row.attempt:
        return f"attempt {attempt} of job {row.id} was given up; the present one is {row.attempt}"
    if status.is_final and status is not said.status:
        return f"job {row.id} is already {status}"
    if status is JobStatus.ACTIVATED:
        return f"job {row.id} waits in the queue: acquire it first"
    return ""


def expire(connection: Connection, now: datetime) -> int:
    """End the attempts whose lease has run out; return how many."""
    late = connection.execute(select(jobs).where(jobs.c.lease_until < now.timestamp())).all()
    changes = [
        {"job": row.id, **_attempt_over(row, f"lost: nothing heard from {row.node or 'its pilot'}", now)}
        for row in late
    ]
    _update_each(connection, changes)
    return len(late)


def renew(connection: Connection, now: datetime, lease: timedelta) -> None:
    """Give every lease its full length again.

    For a board that was away itself: its pilots could not report, and are not to be given up for that.
    """
    connection.execute(
        update(jobs).where(jobs.c.lease_until.is_not(None)), {"lease_until": (now + lease).timestamp()}
    )


def kill(connection: Connection, ids: Sequence[int], now: datetime) -> list[bool]:
    """End jobs: waiting ones at once, others when their pilot reports.  False: over already, or unknown."""
    rows = {row.id: row for row in connection.execute(select(jobs).where(jobs.c.id.in_(ids)))}
    live = {i: row for i, row in rows.items() if row.status not in FINAL}
    waiting = [i for i, row in live.items() if row.status == JobStatus.ACTIVATED]
    with_pilot = [i for i in live if i not in set(waiting)]
    if waiting:
        end = _over(JobStatus.CANCELLED, "killed while it waited", now)
        connection.execute(update(jobs).where(jobs.c.id.in_(waiting)), end | {"kill": True})
    if with_pilot:
        connection.execute(update(jobs).where(jobs.c.id.in_(with_pilot)), {"kill": True})
    return [i in live for i in ids]


def states(connection: Connection, ids: Sequence[int]) -> list[JobState | None]:
    """Return what has become of jobs, in the same order; None for one that is unknown."""
    columns = (
        jobs.c.id,
        jobs.c.status,
        jobs.c.attempt,
        jobs.c.kill,
        jobs.c.exit_code,
        jobs.c.diag,
        jobs.c.result,
    )
    found = {
        row.id: JobState(
            job_id=row.id,
            status=row.status,
            command=TO_BE_KILLED if row.kill and row.status not in FINAL else None,
            attempt=row.attempt,
            exit_code=row.exit_code,
            diag=row.diag,
            result=row.result,
        )
        for row in connection.execute(select(*columns).where(jobs.c.id.in_(ids)))
    }
    return [found.get(i) for i in ids]


def listing(
    connection: Connection, queue: str | None, status: JobStatus | None, before: int | None, limit: int
) -> list[JobInfo]:
    """Return jobs, newest first; ``before`` is the last one of the page before."""
    names = set(JobInfo.model_fields) - {"job_id", "created_at", "changed_at"}
    query = select(jobs.c.id, jobs.c.created_at, jobs.c.changed_at, *(jobs.c[name] for name in sorted(names)))
    if queue is not None:
        query = query.where(jobs.c.queue == queue)
    if status is not None:
        query = query.where(jobs.c.status == status)
    if before is not None:
        query = query.where(jobs.c.id < before)
    rows = connection.execute(query.order_by(jobs.c.id.desc()).limit(limit)).mappings()
    return [
        JobInfo(
            job_id=row["id"],
            created_at=datetime.fromtimestamp(row["created_at"], UTC),
            changed_at=datetime.fromtimestamp(row["changed_at"], UTC),
            **{name: row[name] for name in names},
        )
        for row in rows
    ]


def counts(connection: Connection) -> dict[tuple[str, bool], dict[str, int]]:
    """Count the jobs of each (queue, several cores?) by status, statuses without jobs included."""
    several = jobs.c.cores > 1
    found: dict[tuple[str, bool], dict[str, int]] = {}
    query = select(jobs.c.queue, several, jobs.c.status, func.count()).group_by(
        jobs.c.queue, several, jobs.c.status
    )
    for queue, multicore, status, n in connection.execute(query):
        found.setdefault((queue, bool(multicore)), dict.fromkeys(JobStatus, 0))[status] = n
    return found


def _held(status: JobStatus, node: str, now: datetime, lease: timedelta) -> dict[str, Any]:
    return {
        "status": status,
        "node": node,
        "changed_at": now.timestamp(),
        "lease_until": (now + lease).timestamp(),
    }


def _over(status: JobStatus, diag: str, now: datetime) -> dict[str, Any]:
    return {"status": status, "diag": diag, "changed_at": now.timestamp(), "lease_until": None}


def _attempt_over(row: Row[Any], diag: str, now: datetime) -> dict[str, Any]:
    if row.kill:
        return _over(JobStatus.CANCELLED, diag, now) | {"attempt": row.attempt}
    if row.attempt >= row.max_attempts:
        return _over(JobStatus.FAILED, diag, now) | {"attempt": row.attempt}
    return _over(JobStatus.ACTIVATED, diag, now) | {"attempt": row.attempt + 1}


def _update_each(connection: Connection, changes: Sequence[Mapping[str, Any]]) -> None:
    if changes:
        connection.execute(update(jobs).where(jobs.c.id == bindparam("job")), changes)
