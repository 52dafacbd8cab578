"""The calls of the PanDA API v1 that a board answers."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel
from sqlalchemy import Connection

from autopyfactory.api import Clock
from autopyfactory.board import queue
from autopyfactory.board.database import Database
from autopyfactory.board.jobs import JobStatus
from autopyfactory.board.queue import TO_BE_KILLED, Handout
from autopyfactory.board.requests import AcquireJobs, JobIds, KillJobs, SubmitJobs, UpdateJob

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Board:
    """What the calls work on."""

    database: Database
    lease: timedelta
    clock: Clock

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction; raises `StoreUnavailable` with nothing changed."""
        return await self.database.run(work)


class Reply(BaseModel):
    """The frame of every answer, HTTP status 200 even where ``success`` is false."""

    success: bool = True
    message: str = ""
    data: Any = None


def routes(board: Board) -> APIRouter:
    """Return all calls."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> Reply:
        """Tell that the board answers and can write its database."""
        await board.run(lambda _: None)
        return Reply(message="OK")

    router.include_router(_statistics(board), prefix="/api/v1/statistics")
    router.include_router(_pilot(board), prefix="/api/v1/pilot")
    router.include_router(_job(board), prefix="/api/v1/job")
    return router


def _statistics(board: Board) -> APIRouter:
    router = APIRouter(tags=["statistics"])

    @router.get("/active_job_stats_by_site")
    async def active_job_stats_by_site() -> Reply:
        """Count jobs: ``{site: {status: n}}``; every queue that ever had jobs, every status of a board."""
        sites: dict[str, dict[str, int]] = {}
        for (site, _), statuses in (await board.run(queue.counts)).items():
            total = sites.setdefault(site, dict.fromkeys(statuses, 0))
            for status, n in statuses.items():
                total[status] += n
        return Reply(data=sites)

    @router.get("/job_stats_by_site_and_resource_type")
    async def job_stats_by_site_and_resource_type() -> Reply:
        """Count jobs: ``{site: {SCORE or MCORE: {status: n}}}``, whatever their age."""
        sites: dict[str, dict[str, dict[str, int]]] = {}
        for (site, multicore), statuses in (await board.run(queue.counts)).items():
            sites.setdefault(site, {})["MCORE" if multicore else "SCORE"] = statuses
        return Reply(data=sites)

    return router


def _pilot(board: Board) -> APIRouter:
    router = APIRouter(tags=["pilot"])

    @router.post("/acquire_jobs")
    async def acquire_jobs(
        body: AcquireJobs, x_apf_cores: Annotated[int | None, Header(ge=1, lt=2**31)] = None
    ) -> Reply:
        """Hand out jobs.

        The cores of the pilot come in a header: PanDA knows no such parameter, and refuses those that it
        does not know.
        """
        work = partial(
            queue.acquire,
            queue=body.site_name,
            n=body.n_jobs,
            room=body.room(x_apf_cores),
            node=body.node,
            now=board.clock.now(),
            lease=board.lease,
        )
        handouts = await board.run(work)
        if not handouts:
            return Reply(success=False, message="No jobs in PanDA")
        return Reply(data={"StatusCode": 0, "jobs": [_handed_out(h, board.lease) for h in handouts]})

    @router.post("/update_job")
    async def update_job(body: UpdateJob) -> Reply:
        """Take a pilot's report, extend its lease, and tell it whether to go on."""
        work = partial(queue.report, said=body.report(), now=board.clock.now(), lease=board.lease)
        verdict = await board.run(work)
        command = TO_BE_KILLED if verdict.kill else "NULL"
        return Reply(
            success=not verdict.refused, message=verdict.refused, data={"StatusCode": 0, "command": command}
        )

    @router.get("/get_job_status")
    async def get_job_status(job_ids: Annotated[JobIds, Query()]) -> Reply:
        """Tell status and attempt of jobs."""
        states = await board.run(partial(queue.states, ids=job_ids))
        return Reply(
            data=[
                {"job_id": state.job_id, "status": state.status, "attempt_number": state.attempt}
                if state
                else {"job_id": job_id, "status": "not found", "attempt_number": 0}
                for job_id, state in zip(job_ids, states, strict=True)
            ]
        )

    @router.post("/update_worker_status")
    async def update_worker_status() -> Reply:
        """Accept what pilots tell of themselves; the board keeps no list of pilots."""
        return Reply()

    return router


def _job(board: Board) -> APIRouter:
    router = APIRouter(tags=["job"])

    @router.post("/submit")
    async def submit(body: SubmitJobs) -> Reply:
        """Add jobs, all or none; they are on disk when this answers."""
        ids = await board.run(partial(queue.submit, specs=body.jobs, now=board.clock.now()))
        return Reply(data={"job_ids": ids})

    @router.get("/get_status")
    async def get_status(job_ids: Annotated[JobIds, Query()]) -> Reply:
        """Tell status, command, outcome and result of jobs, in the order asked for."""
        states = await board.run(partial(queue.states, ids=job_ids))
        return Reply(
            data=[
                state.model_dump(mode="json") if state else {"job_id": job_id, "status": "not found"}
                for job_id, state in zip(job_ids, states, strict=True)
            ]
        )

    @router.post("/kill")
    async def kill(body: KillJobs) -> Reply:
        """End jobs; answers for each whether there was anything to end."""
        return Reply(data=await board.run(partial(queue.kill, ids=body.job_ids, now=board.clock.now())))

    @router.get("/list")
    async def listing(
        site_name: str | None = None,
        status: JobStatus | None = None,
        before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Reply:
        """List jobs, newest first; ``next`` is the value of ``before`` for the next page, null at the end."""
        work = partial(queue.listing, queue=site_name, status=status, before=before, limit=limit)
        page = await board.run(work)
        following = page[-1].job_id if len(page) == limit else None
        return Reply(data={"jobs": [job.model_dump(mode="json") for job in page], "next": following})

    return router


def _handed_out(handout: Handout, lease: timedelta) -> dict[str, Any]:
    """Return a job as PanDA's pilots know it; the last three keys are a board's own."""
    spec = handout.spec
    return {
        "StatusCode": 0,
        "PandaID": handout.job_id,
        "jobDefinitionID": handout.job_id,
        "jobName": spec.name or f"job-{handout.job_id}",
        "attemptNr": handout.attempt,
        "prodSourceLabel": "managed",
        "currentPriority": spec.priority,
        "coreCount": spec.cores,
        "minRamCount": spec.memory_mb,
        "transformation": spec.command,
        "jobPars": shlex.join(spec.arguments),
        "inFiles": "",
        "outFiles": "",
        "swRelease": "NULL",
        "homepackage": "NULL",
        "environment": dict(spec.environment),
        "inputs": [file.model_dump() for file in spec.inputs],
        "leaseSeconds": lease.total_seconds(),
    }
