"""The nodes, black holes on top."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from autopyfactory.model import QueueName
from autopyfactory.web.api.parameters import SEARCH
from autopyfactory.web.pages.render import Pages
from autopyfactory.web.pages.windows import RECENT, WINDOWS, Recent

ROWS = 200
"""Hosts that are shown; those below have the lowest shares of failures."""


def routes(pages: Pages) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    context = pages.context

    @router.get("/hosts")
    async def hosts(
        request: Request,
        queue: Annotated[str, Query(pattern=SEARCH)] = "",
        window: Recent = "24h",
    ) -> Response:
        """List the hosts on which pilots ended, by the share that failed."""
        limits = context.config.notices
        begin = context.clock.now() - WINDOWS[window]
        found = await context.reading.host_fates(
            begin, limits.hole_wall_s, QueueName(queue) if queue else None, ROWS
        )
        return await pages.shown(
            request,
            "hosts.html",
            hosts=found,
            full=len(found) == ROWS,
            limits=limits,
            query={"queue": queue, "window": window},
            windows=RECENT,
        )

    return router
