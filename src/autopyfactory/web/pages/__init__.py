"""The dashboard: pages that work without a script, each at a URL of its own."""

from fastapi import APIRouter

from autopyfactory.web.access import reader
from autopyfactory.web.pages import (
    charts,
    endpoints,
    failures,
    forms,
    hosts,
    overview,
    pilots,
    queue,
    static,
)
from autopyfactory.web.pages.errors import answers
from autopyfactory.web.pages.render import Pages

__all__ = ["Pages", "answers", "routes"]


def routes(pages: Pages) -> APIRouter:
    """Return all of them."""
    router = APIRouter(include_in_schema=False)
    reading = APIRouter(dependencies=[reader(pages.context.config.web)])  # type: ignore[list-item]
    for room in (overview, queue, pilots, hosts, failures, endpoints, charts):
        reading.include_router(room.routes(pages))
    router.include_router(reading)
    router.include_router(forms.routes(pages))
    router.include_router(static.routes())
    return router
