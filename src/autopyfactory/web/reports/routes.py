"""``POST /api/v1/pilots/{pilot}/reports``: from a wrapper to its factory."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from autopyfactory.web.access import CallerHere, bearer
from autopyfactory.web.problems import responses
from autopyfactory.web.reports.desk import ReportDesk


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


def routes(desk: ReportDesk) -> APIRouter:
    """Return the route, which describes the calls; `Shortcut` takes them before they get here."""
    router = APIRouter(prefix="/api/v1", tags=["reports"])

    @router.post(
        "/pilots/{pilot}/reports",
        status_code=202,
        response_model=Accepted,
        responses=responses(400, 401, 403, 404, 413, 422, 429, 503),
        openapi_extra={"requestBody": _BODY, "security": [{bearer.scheme_name: []}]},
    )
    async def report(
        request: Request, caller: CallerHere, pilot: Annotated[str, Path(description="Id of a pilot.")]
    ) -> Response:
        """Take reports of one pilot; they are kept when this answers, and harmless when they are repeated.

        The token is the pilot's own (``APF_PILOT_TOKEN``), or one of the API with the scope report.
        """
        authorization = request.headers.get("authorization", "")
        return await desk.answer(caller, pilot, authorization, await request.body())

    return router
