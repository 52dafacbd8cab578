"""What pilots and submitters send: PanDA's parameters, those of them that a board heeds.

Parameters of PanDA that a board has no use for are accepted and passed over, since pilots send them.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from autopyfactory.board.jobs import MAX_RESULT_BYTES, JobSpec, JobStatus
from autopyfactory.board.queue import JobReport, Room

MAX_IDS = 5000
JobId = Annotated[int, Field(ge=0, lt=2**63)]
JobIds = Annotated[list[JobId], Field(max_length=MAX_IDS)]


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


def _shortened(limit: int) -> BeforeValidator:
    # free text of pilots is cut, never refused: an outcome must not be lost for a long error message
    def cut(text: Any) -> Any:
        return "" if text is None else text[:limit] if isinstance(text, str) else text

    return BeforeValidator(cut)


def _small(text: str) -> str:
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > MAX_RESULT_BYTES:
        raise ValueError(f"{size} bytes, at most {MAX_RESULT_BYTES} are kept")
    return text


def _room_for(resource_type: str | None) -> bool | None:
    if resource_type is None:
        return None
    kinds = {"SCORE": False, "MCORE": True}
    return kinds.get(resource_type.partition("_")[0])


class AcquireJobs(_Lenient):
    """``pilot/acquire_jobs``."""

    site_name: str = Field(min_length=1, max_length=128)
    n_jobs: int = Field(default=1, ge=1, le=100)
    memory: int | None = Field(default=None, ge=0, lt=2**63)
    """MB; 0 as in PanDA: the pilot does not say."""
    resource_type: str | None = Field(default=None, max_length=64)
    node: Annotated[str, _shortened(255)] = ""

    def room(self, cores: int | None) -> Room:
        """Return what the pilot can take; its cores come beside PanDA's parameters."""
        return Room(memory_mb=self.memory or None, cores=cores, multicore=_room_for(self.resource_type))


class UpdateJob(_Lenient):
    """``pilot/update_job``."""

    job_id: JobId
    job_status: Literal["starting", "running", "holding", "transferring", "finished", "failed"]
    attempt_nr: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    node: Annotated[str, _shortened(255)] = ""
    trans_exit_code: Annotated[int, Field(ge=-(2**31), lt=2**32)] | None = None
    pilot_error_diag: Annotated[str, _shortened(1000)] = ""
    exe_error_diag: Annotated[str, _shortened(1000)] = ""
    meta_data: Annotated[str, AfterValidator(_small)] | None = None
    """Kept as the result of a job that finished."""

    def report(self) -> JobReport:
        """Return what it says."""
        return JobReport(
            job_id=self.job_id,
            status=JobStatus(self.job_status),
            attempt=self.attempt_nr,
            node=self.node,
            exit_code=self.trans_exit_code,
            diag="; ".join(filter(None, (self.pilot_error_diag, self.exe_error_diag))),
            result=self.meta_data or None,
        )


class SubmitJobs(_Lenient):
    """``job/submit``."""

    jobs: list[JobSpec] = Field(min_length=1, max_length=MAX_IDS)


class KillJobs(_Lenient):
    """``job/kill``."""

    job_ids: JobIds
