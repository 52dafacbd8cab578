"""What callers send: JSON, forms as curl posts them, and either under the wrong content type."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
)

from autopyfactory.model.monitor import (
    FactoryCard,
    JobDetails,
    JobReport,
    JobState,
    LabelCard,
    MonitoredJob,
)

MAX_ITEMS = 10_000
MAX_FIELDS = 100
MAX_DATA = 16_384
"""Characters of JSON that may come with a status."""
_RC = re.compile(r"[+-]?[0-9]{1,9}")

# older wrappers' words, and newer ones': these tell the same on other ways as well
_STATES: Mapping[str, JobState] = {
    "running": JobState.RUNNING,
    "exiting": JobState.EXITING,
    "done": JobState.DONE,
    "fault": JobState.FAULT,
    "wrapperrunning": JobState.RUNNING,
    "wrapperexiting": JobState.EXITING,
    "wrapperfault": JobState.FAULT,
}

T = TypeVar("T")


class BadBody(ValueError):
    """What was sent cannot be used; the text tells the caller why."""


def _text(value: object) -> object:
    """Return numbers and null as texts: clients send a worker's id as either."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_text), Field(max_length=4096)]
Name = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]
FactoryName = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[^\x00-\x1f\x7f:]{1,255}$")]


class _Body(BaseModel):
    # further keys are passed over, as the old server does
    model_config = ConfigDict(frozen=True, extra="ignore")


class FactoryBody(_Body):
    """``PUT /factories/{id}``."""

    url: Text = ""
    email: Text = ""
    version: Text = ""
    type: Text = ""
    startup: AwareDatetime | None = None
    """When it started, from those who present themselves more often than that."""

    def card(self, name: str, ip: str) -> FactoryCard:
        """Return how the factory presents itself from an address."""
        return FactoryCard(name, self.url, self.email, self.version, self.type, ip)


class LabelBody(_Body):
    """One of ``PUT /labels``."""

    name: Name
    factory: FactoryName
    batchqueue: Text = ""
    wmsqueue: Text = ""
    resource: Text = ""
    localqueue: Text = ""

    def card(self) -> LabelCard:
        """Return the label."""
        return LabelCard(**self.model_dump())


class JobBody(_Body):
    """One of ``PUT /jobs``."""

    cid: Name
    factory: FactoryName
    label: Name
    workerid: Text = ""
    computingsite: Text = ""
    computingelement: Text = ""
    stdout: Text = ""
    stderr: Text = ""
    joblog: Text = ""

    def job(self, now: datetime) -> MonitoredJob:
        """Return the pilot as it is announced."""
        details = JobDetails(**self.model_dump(include=set(JobDetails.__dataclass_fields__)))
        return MonitoredJob(
            self.factory, self.cid, self.label, now, JobState.CREATED, now, now, details=details
        )


class StatusBody(_Body):
    """``POST /labels/{factory}:{label}``."""

    status: Annotated[str, BeforeValidator(_text), Field(min_length=1)]
    data: JsonValue = None

    def data_text(self) -> str:
        """Return the data as JSON, empty where there is none; raises `BadBody` where it is too much."""
        if self.data in (None, "", {}, []):
            return ""
        text = json.dumps(self.data, separators=(",", ":"))
        if len(text) > MAX_DATA:
            raise BadBody(f"Invalid data: {len(text)} characters, at most {MAX_DATA} are kept")
        return text


_FACTORY = TypeAdapter(FactoryBody)
_LABELS = TypeAdapter(Annotated[list[LabelBody], Field(max_length=MAX_ITEMS)])
_JOBS = TypeAdapter(Annotated[list[JobBody], Field(max_length=MAX_ITEMS)])
_STATUS = TypeAdapter(StatusBody)
_FIELDS = TypeAdapter(dict[str, Text])


@dataclass(frozen=True, slots=True)
class Sent:
    """A body, and what it says it is."""

    body: bytes
    content_type: str = ""

    def factory(self) -> FactoryBody:
        """Read ``PUT /factories/{id}``; this and the others raise `BadBody`."""
        return _json(_FACTORY, self.body)

    def labels(self) -> list[LabelBody]:
        """Read ``PUT /labels``."""
        return _json(_LABELS, self.body)

    def jobs(self) -> list[JobBody]:
        """Read ``PUT /jobs``."""
        return _json(_JOBS, self.body)

    def status(self) -> StatusBody:
        """Read ``POST /labels/…``: a form, or JSON."""
        if self._is_json:
            return _json(_STATUS, self.body)
        return _valid(_STATUS, _form(self.body))

    def report(self, at: datetime, origin: str) -> JobReport:
        """Read ``POST /jobs/…``: a form, or JSON."""
        fields = _json(_FIELDS, self.body) if self._is_json else _valid(_FIELDS, _form(self.body))
        return job_report(fields, at, origin)

    @property
    def _is_json(self) -> bool:
        # a form never begins with a brace, and some send JSON as one
        return "json" in self.content_type or self.body.lstrip()[:1] == b"{"


def job_report(fields: Mapping[str, str], at: datetime, origin: str) -> JobReport:
    """Return what a wrapper says; raises `BadBody`."""
    word = fields.get("state", "")
    if word not in _STATES:
        raise BadBody(f"Invalid data: state is none of {', '.join(_STATES)}")
    state, text = _STATES[word], fields.get("rc", "").strip()
    if state is JobState.EXITING and not text:
        raise BadBody("Invalid data: exiting needs rc, a whole number")
    if text and not _RC.fullmatch(text):
        raise BadBody("Invalid data: rc is no whole number")
    return JobReport(
        state,
        at,
        origin,
        rc=int(text) if text else None,
        wrapper=fields.get("wrapper", ""),
        ids=fields.get("ids", ""),
        details=JobDetails(
            workerid=fields.get("hwid", ""),
            computingsite=fields.get("qarg", ""),
            computingelement=fields.get("resource", ""),
            stdout=fields.get("gtag", ""),
        ),
        twice=word.startswith("wrapper"),
    )


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:  # no UTF-8, or too many fields
        raise BadBody("Invalid data: the body is no form") from error


def _json(adapter: TypeAdapter[T], body: bytes) -> T:
    try:
        return adapter.validate_json(body or b"{}")
    except ValidationError as error:
        raise _bad(error) from error


def _valid(adapter: TypeAdapter[T], fields: Mapping[str, str]) -> T:
    try:
        return adapter.validate_python(fields)
    except ValidationError as error:
        raise _bad(error) from error


def _bad(error: ValidationError) -> BadBody:
    # what was sent is not repeated
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return BadBody(f"Invalid data: {where + ': ' if where else ''}{first['msg']}")
