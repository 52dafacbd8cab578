"""What wrappers send, and what is kept of it."""

import json
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from autopyfactory.model import PilotId, PilotReport, Report
from autopyfactory.web.problems import Problem, faults

MAX_REPORTS = 100
"""In one call."""
MAX_DATA = 64 * 1024
"""Characters of JSON in one report."""
MAX_SEQ = 100_000


class ReportBody(BaseModel):
    """One report."""

    # further keys are passed over: wrappers may be newer than their factory
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    seq: int = Field(ge=0, le=MAX_SEQ, strict=True)
    """Counts the reports of a pilot; one that was sent before is passed over."""
    at: AwareDatetime
    """By the clock of the node; of the years 1970 to 2199."""
    state: Report
    host: str = Field(default="", max_length=255)
    message: str = Field(default="", max_length=10_000)
    """The first thousand characters are kept."""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """Validation results, the node's profile, what became of a payload."""

    @field_validator("at")
    @classmethod
    def _in_range(cls, at: datetime) -> datetime:
        if not 1970 < at.year < 2199:  # the years at either end may not exist in UTC
            raise ValueError("expected a time of the years 1971 to 2198")
        return at

    def kept(self, pilot: PilotId, received_at: datetime) -> PilotReport:
        """Return what is kept of it; raises `ValueError` for data that JSON has not, or too much of it."""
        data = json.dumps(self.data, separators=(",", ":"), allow_nan=False)
        if len(data) > MAX_DATA:
            raise ValueError(f"data has {len(data)} characters, at most {MAX_DATA} are kept")
        return PilotReport(pilot, self.seq, self.at, self.state, received_at, self.host, self.message, data)


class Reports(BaseModel):
    """What a wrapper sends."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reports: list[ReportBody] = Field(min_length=1, max_length=MAX_REPORTS)


def parsed(body: bytes, pilot: PilotId, now: datetime) -> list[PilotReport]:
    """Return the reports in a body; raises `Problem` 400 or 422."""
    try:
        told = Reports.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Problem(400, "the body is not JSON") from error
        raise Problem(422, "the reports have the wrong shape", errors=faults(details, "body")) from error
    try:
        return [each.kept(pilot, now) for each in told.reports]
    except ValueError as error:
        raise Problem(422, str(error)) from error
