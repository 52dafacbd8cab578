"""A submitter's side of the board."""

from collections.abc import Iterator, Sequence
from typing import Any, Self, TypeVar

from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from autopyfactory.api import AutoPyFactoryError, WmsUnavailable
from autopyfactory.board.guard import MAX_BODY_BYTES
from autopyfactory.board.jobs import JobInfo, JobSpec, JobState, JobStatus
from autopyfactory.wms.http import PandaHttp, Reply

T = TypeVar("T")

_MAX_JOBS = 500
_MAX_BYTES = MAX_BODY_BYTES // 2
_IDS_PER_CALL = 200
"""They travel in the URL."""
_PAGE = 1000


class BoardRefused(AutoPyFactoryError):
    """The board answered, and said no: change what is asked for."""


class _Listing(BaseModel):
    jobs: list[JobInfo]
    next: int | None


class _Submitted(BaseModel):
    job_ids: list[int]


class BoardClient:
    """Calls of one board.  All raise `WmsUnavailable` where no good answer comes, and `BoardRefused`."""

    def __init__(self, url: str, *, token: SecretStr | None = None, timeout_s: float = 60) -> None:
        self._http = PandaHttp(url.rstrip("/"), token=token, timeout_s=timeout_s)

    async def __aenter__(self) -> Self:
        """Connect to nothing yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections.  Twice is harmless."""
        await self._http.close()

    async def submit(self, jobs: Sequence[JobSpec]) -> list[int]:
        """Submit jobs and return their ids, in the same order.

        Many jobs go in several calls.  When one fails, the jobs of the calls before it are on the board, and
        the text of the error says how many; after `WmsUnavailable` those of the failed call may be as well.
        """
        ids: list[int] = []
        for body in _bodies(jobs):
            try:
                reply = _good(await self._http.post("job/submit", body))
                ids += self._read(_Submitted, "job/submit", reply).job_ids
            except AutoPyFactoryError as error:
                raise type(error)(
                    f"{error} ({len(ids)} of {len(jobs)} jobs were submitted before)"
                ) from error
        return ids

    async def jobs(
        self, *, queue: str | None = None, status: JobStatus | None = None, limit: int | None = None
    ) -> list[JobInfo]:
        """Return jobs, newest first; all of them unless limited."""
        found: list[JobInfo] = []
        before: int | None = None
        while limit is None or len(found) < limit:
            room = _PAGE if limit is None else min(_PAGE, limit - len(found))
            wanted = {"site_name": queue, "status": status, "before": before, "limit": room}
            params = [(key, value) for key, value in wanted.items() if value is not None]
            page = self._read(_Listing, "job/list", _good(await self._http.get("job/list", params)))
            found += page.jobs
            before = page.next
            if before is None:
                break
        return found

    async def status(self, ids: Sequence[int]) -> list[JobState]:
        """Return what has become of jobs, results included, in the same order; unknown ids are left out."""
        found: list[JobState] = []
        for some in _chunks(ids, _IDS_PER_CALL):
            reply = _good(await self._http.get("job/get_status", [("job_ids", i) for i in some]))
            entries = self._read(list[dict[str, Any]], "job/get_status", reply)
            known = [entry for entry in entries if entry.get("status") != "not found"]
            found += self._parse(list[JobState], "job/get_status", known)
        return found

    async def kill(self, ids: Sequence[int]) -> list[bool]:
        """End jobs; False for each that was over already or is unknown."""
        found: list[bool] = []
        for some in _chunks(ids, _MAX_JOBS):
            reply = _good(await self._http.post("job/kill", {"job_ids": some}))
            found += self._read(list[bool], "job/kill", reply)
        return found

    async def counts(self) -> dict[str, dict[JobStatus, int]]:
        """Return the number of jobs of each queue by status."""
        method = "statistics/active_job_stats_by_site"
        reply = _good(await self._http.get(method))
        return self._read(dict[str, dict[JobStatus, int]], method, reply)

    def _read(self, shape: type[T], method: str, reply: Reply) -> T:
        return self._parse(shape, method, reply.data)

    def _parse(self, shape: type[T], method: str, data: Any) -> T:
        try:
            return TypeAdapter(shape).validate_python(data)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise WmsUnavailable(
                f"{self._http.url}/api/v1/{method}: not the answer of a board: {place} {problem['msg']}"
            ) from error


def _good(reply: Reply) -> Reply:
    if not reply.success:
        raise BoardRefused(f"the board says: {reply.message or 'success: false'}")
    return reply


def _bodies(jobs: Sequence[JobSpec]) -> Iterator[dict[str, Any]]:
    """Cut a submission into calls that a board takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    for job in jobs:
        bytes_of_job = len(job.model_dump_json())
        if batch and (len(batch) == _MAX_JOBS or size + bytes_of_job > _MAX_BYTES):
            yield {"jobs": batch}
            batch, size = [], 0
        batch.append(job.model_dump(mode="json"))
        size += bytes_of_job
    if batch:
        yield {"jobs": batch}


def _chunks(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    return (list(ids[start : start + size]) for start in range(0, len(ids), size))
