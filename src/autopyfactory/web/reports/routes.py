"""``POST /api/v1/pilots/{pilot}/reports``: from a wrapper to its factory."""

import json
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from autopyfactory.model import (
    TAG_PATTERN,
    PilotId,
    PilotReport,
    Report,
    Scope,
    TokenExpired,
    TokenInvalid,
    token,
)
from autopyfactory.web.access import bearer, caller_of
from autopyfactory.web.context import WebContext
from autopyfactory.web.limits import Limiter
from autopyfactory.web.problems import Problem, faults, responses, unauthorized
from autopyfactory.web.reports.intake import Intake, IntakeFull

MAX_REPORTS = 100
"""In one call."""
MAX_DATA = 64 * 1024
"""Characters of JSON in one report."""
MAX_SEQ = 100_000
PER_PILOT_S, PILOT_BURST = 5.0, 100
_RETRY_S = 5
_PILOT = re.compile(TAG_PATTERN)


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


class Accepted(BaseModel):
    """All of them are kept."""

    accepted: int


_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Reports"},
            "example": {
                "reports": [
                    {
                        "seq": 0,
                        "at": "2026-03-01T12:00:00.000Z",
                        "state": "started",
                        "host": "node7.example.org",
                        "message": "",
                        "data": {},
                    }
                ]
            },
        }
    },
}


def routes(context: WebContext, intake: Intake, limiter: Limiter) -> APIRouter:
    """Return the route.  A refused call leaves nothing behind."""
    router = APIRouter(prefix="/api/v1", tags=["reports"])
    per_pilot = Limiter(context.clock, PER_PILOT_S, PILOT_BURST)
    doorman = _Doorman(context, limiter)

    # the body is read by hand: a thousand calls a second leave no time for what a framework does about it
    @router.post(
        "/pilots/{pilot}/reports",
        status_code=202,
        response_model=Accepted,
        responses=responses(400, 401, 403, 404, 413, 422, 429, 503),
        openapi_extra={"requestBody": _BODY, "security": [{bearer.scheme_name: []}]},
    )
    async def report(request: Request, pilot: Annotated[str, Path(description="Id of a pilot.")]) -> Response:
        """Take reports of one pilot; they are kept when this answers, and harmless when they are repeated.

        The token is the pilot's own (``APF_PILOT_TOKEN``), or one of the API with the scope report.
        """
        name = doorman.pilot(request, pilot)
        per_pilot.charge(name)
        reports = _parsed(await request.body(), name, context.clock.now())
        try:
            known = await intake.add(reports)
        except IntakeFull as error:
            raise Problem(503, str(error), headers={"retry-after": str(_RETRY_S)}) from error
        if not known:
            raise Problem(404, f"pilot {name} is not known")
        return Response(b'{"accepted":%d}' % len(reports), 202, media_type="application/json")

    return router


class _Doorman:
    """Lets in who may report for a pilot."""

    def __init__(self, context: WebContext, limiter: Limiter) -> None:
        self._context = context
        self._limiter = limiter

    def pilot(self, request: Request, pilot: str) -> PilotId:
        """Return the pilot that the caller may report for; raises `Problem` 401, 403 or 404."""
        caller = caller_of(request)
        if caller.name:
            if Scope.REPORT not in caller.scopes:
                raise Problem(403, "this token may not report: it needs the scope report")
            if not _PILOT.fullmatch(pilot):
                raise Problem(404, "that is no pilot's id")
            return PilotId(pilot)
        try:
            return self._verified(request.headers.get("authorization", ""), pilot)
        except Problem:
            self._limiter.charge(f"reports {caller.origin}")
            raise

    def _verified(self, authorization: str, pilot: str) -> PilotId:
        kind, _, text = authorization.partition(" ")
        if kind.lower() != "bearer" or not text:
            raise unauthorized("expected Authorization: Bearer TOKEN, with the pilot's token")
        try:
            claims = token.verify(self._context.report_key, text.strip(), self._context.clock.now())
        except TokenExpired as error:
            raise unauthorized("the pilot's token has expired") from error
        except TokenInvalid as error:
            raise unauthorized("this is no token of a pilot of this factory") from error
        if claims.factory != self._context.config.factory_id or claims.pilot != pilot:
            raise Problem(403, "this token is another pilot's")
        return claims.pilot


def _parsed(body: bytes, pilot: PilotId, now: datetime) -> list[PilotReport]:
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
