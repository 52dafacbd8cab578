"""What a submitter asks for, and what the board tells of a job."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

MAX_FILE_BYTES = 1024 * 1024
MAX_INPUT_BYTES = 4 * 1024 * 1024
"""Of all input files of a job together."""
MAX_RESULT_BYTES = 64 * 1024


class JobStatus(StrEnum):
    """PanDA's names, those of them that a board uses."""

    ACTIVATED = "activated"
    """Waits for a pilot."""
    SENT = "sent"
    """Handed out, nothing heard of it yet."""
    STARTING = "starting"
    RUNNING = "running"
    HOLDING = "holding"
    TRANSFERRING = "transferring"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job is over for good."""
        return self in FINAL


FINAL = frozenset({JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELLED})
LEASED = frozenset(
    {JobStatus.SENT, JobStatus.STARTING, JobStatus.RUNNING, JobStatus.HOLDING, JobStatus.TRANSFERRING}
)
"""With a pilot."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected no NUL character: no command line can carry it")
    return text


Word = Annotated[str, Field(max_length=32_768), AfterValidator(_without_nul)]
QueueText = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/+-]*$", max_length=128)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class InputFile(_Strict):
    """A small file that is put into the directory of the payload before it starts."""

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=255)
    """A plain file name: no directory, no dot in front."""
    data: str = Field(max_length=4 * (MAX_FILE_BYTES + 2) // 3)
    """The content in base64; 1 MiB at most."""
    executable: bool = False

    @classmethod
    def of(cls, name: str, content: bytes, *, executable: bool = False) -> Self:
        """Pack a content; raises pydantic's `ValidationError` where it is too large."""
        return cls(name=name, data=base64.b64encode(content).decode("ascii"), executable=executable)

    @field_validator("data")
    @classmethod
    def _check_data(cls, data: str) -> str:
        try:
            size = len(base64.b64decode(data, validate=True))
        except binascii.Error as error:
            raise ValueError(f"expected base64 ({error})") from error
        if size > MAX_FILE_BYTES:
            raise ValueError(f"{size} bytes, at most {MAX_FILE_BYTES} are carried inline")
        return data

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.data) // 4 * 3 - self.data[-2:].count("=")


class JobSpec(_Strict):
    """One job as it is submitted."""

    queue: QueueText
    """WMS queue whose pilots may take it."""
    command: Annotated[Word, Field(min_length=1)]
    """A program found by ``PATH``, a path, or ``./NAME`` for an executable input file; no shell reads it."""
    arguments: tuple[Word, ...] = Field(default=(), max_length=1000)
    environment: Mapping[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=255)], Word] = (
        Field(default_factory=dict, max_length=500)
    )
    """Added to the pilot's."""
    inputs: tuple[InputFile, ...] = Field(default=(), max_length=100)
    """4 MiB together at most."""
    cores: int = Field(default=1, ge=1, le=100_000)
    memory_mb: int = Field(default=1000, ge=1, le=2**31 - 1)
    """Of the whole job; a pilot with less does not get it."""
    priority: int = Field(default=0, ge=-(2**31), le=2**31 - 1)
    """The highest goes first, among equals the oldest."""
    max_attempts: int = Field(default=3, ge=1, le=100)
    """How often it is started at most before it counts as failed."""
    name: str = Field(default="", max_length=255)
    """For people; need not be unique."""

    @model_validator(mode="after")
    def _check_inputs(self) -> Self:
        names = [file.name for file in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError("two input files have the same name")
        size = sum(file.size for file in self.inputs)
        if size > MAX_INPUT_BYTES:
            raise ValueError(f"the input files have {size} bytes, at most {MAX_INPUT_BYTES} are carried")
        return self


class JobInfo(BaseModel):
    """One job as a listing tells it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    job_id: int
    queue: str
    name: str
    status: JobStatus
    priority: int
    cores: int
    memory_mb: int
    attempt: int
    """Counts from 1; grows when the job goes back to the queue."""
    max_attempts: int
    node: str
    """Where it ran last; empty if nowhere yet."""
    exit_code: int | None
    """Of the last attempt that ended with a report."""
    diag: str
    """Why the last attempt came to nothing; empty if none did."""
    created_at: datetime
    changed_at: datetime
    """When its status was last set, heartbeats included."""


class JobState(BaseModel):
    """What has become of one job."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    job_id: int
    status: JobStatus
    command: str | None
    """``tobekilled`` where the job shall end."""
    attempt: int
    exit_code: int | None
    diag: str
    result: str | None
    """What the payload left in ``result.json``; None where it left nothing or has not finished."""
