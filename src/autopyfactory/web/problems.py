"""Errors as problem documents (RFC 9457): what is wrong for the caller, and nothing of the inside."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from autopyfactory.api import StoreRefused, StoreUnavailable

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STORE_RETRY_S = 10
_MAX_FAULTS = 10


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    where: str
    """For example ``body.until`` or ``query.limit``."""
    problem: str


class ProblemDocument(BaseModel):
    """What every refusal looks like."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "no queue is called 'AGLT3'",
                "errors": [],
            }
        },
        use_attribute_docstrings=True,
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
    """What is wrong with the request, where several things may be."""


class Problem(Exception):
    """A request that is refused."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = list(errors)

    def response(self) -> JSONResponse:
        """Return what the caller gets."""
        document = ProblemDocument(
            title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail, errors=self.errors
        )
        return JSONResponse(
            document.model_dump(), self.status, {"cache-control": "no-store", **self.headers}, MEDIA_TYPE
        )


def unauthorized(detail: str) -> Problem:
    """Return the refusal of a caller who is not known."""
    return Problem(401, detail, headers={"www-authenticate": 'Bearer realm="autopyfactory"'})


def faults(details: Sequence[Any], place: str = "") -> list[Fault]:
    """Return pydantic's errors; what the caller sent is not repeated."""
    found = []
    for detail in details[:_MAX_FAULTS]:
        steps = [str(step) for step in ((place, *detail["loc"]) if place else detail["loc"])]
        found.append(Fault(where=".".join(steps), problem=detail["msg"]))
    return found


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI is to say of refusals with these statuses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in sorted(statuses)
    }


Answer = Callable[[Request, Problem], Response]
"""Makes an answer of a refusal."""


def as_document(_: Request, problem: Problem) -> Response:
    """Answer with a problem document."""
    return problem.response()


def add_handlers(app: FastAPI, answer: Answer = as_document) -> None:
    """Answer every error as a problem, told in the way that is given."""
    meanings: Mapping[type[Exception], Callable[[Any], Problem]] = {
        Problem: lambda problem: problem,
        RequestValidationError: _invalid,
        HTTPException: _http,
        StoreUnavailable: store_away,
        StoreRefused: store_away,
        Exception: _unexpected,
    }
    for kind, meaning in meanings.items():
        app.add_exception_handler(kind, _handler(meaning, answer))


def _handler(meaning: Callable[[Any], Problem], answer: Answer) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> Response:
        return answer(request, meaning(error))

    return handle


def _invalid(error: RequestValidationError) -> Problem:
    details = error.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return Problem(400, "the body is not JSON")
    return Problem(422, "the request has the wrong shape", errors=faults(details))


def _http(error: HTTPException) -> Problem:
    detail = "there is nothing here" if error.status_code == 404 else str(error.detail)
    return Problem(error.status_code, detail, headers=error.headers)


def store_away(error: Exception) -> Problem:
    """Return the refusal of a call that needs the store."""
    logger.error("%s", error, extra={"action": "web"})
    retry = {"retry-after": str(_STORE_RETRY_S)}
    return Problem(503, "the store is not available at present; try again", headers=retry)


def _unexpected(error: Exception) -> Problem:
    logger.error("a request failed unexpectedly", exc_info=error, extra={"action": "web"})
    return Problem(500, "this failed unexpectedly; the factory's log tells why")
