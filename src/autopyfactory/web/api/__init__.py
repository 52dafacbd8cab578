"""The REST API: everything below ``/api/v1`` but reports."""

from fastapi import APIRouter, Security
from pydantic import BaseModel

from autopyfactory.web.access import bearer, reader
from autopyfactory.web.api import cycles, factory, notices, operations, pilots, queues
from autopyfactory.web.context import WebContext
from autopyfactory.web.problems import responses

__all__ = ["routes"]

PREFIX = "/api/v1"


class Health(BaseModel):
    """The web answers, and can read the store."""

    status: str = "ok"


def routes(context: WebContext) -> APIRouter:
    """Return all of them."""
    router = APIRouter()

    @router.get("/healthz", tags=["factory"], responses=responses(429, 503))
    async def healthz() -> Health:
        """Tell that the web answers and can read the store."""
        await context.reading.health()
        return Health()

    reading = APIRouter(
        prefix=PREFIX,
        dependencies=[reader(context.config.web), Security(bearer)],  # type: ignore[list-item]
        responses={304: {"description": "Not Modified"}, **responses(400, 401, 403, 422, 429, 503)},
    )
    for room in (factory, notices, cycles, queues, pilots, operations):
        reading.include_router(room.routes(context))
    writing = APIRouter(prefix=PREFIX, dependencies=[Security(bearer)], responses=responses(422, 429, 503))
    writing.include_router(operations.writing_routes(context))
    router.include_router(reading)
    router.include_router(writing)
    return router
