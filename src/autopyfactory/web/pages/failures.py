"""Endings that were not good, in groups."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from autopyfactory.api import EndingField
from autopyfactory.model import PilotState, QueueName
from autopyfactory.web.api.parameters import SEARCH
from autopyfactory.web.pages.render import Pages
from autopyfactory.web.pages.windows import RECENT, WINDOWS, Recent

ROWS = 200
"""Groups that are shown, the largest ones."""
BAD = (PilotState.FAILED, PilotState.LOST, PilotState.REMOVED)
GROUPS = {
    "reason": (EndingField.STATE, EndingField.CAUSE, EndingField.EXIT_CODE, EndingField.REASON),
    "exit": (EndingField.STATE, EndingField.EXIT_CODE, EndingField.SIGNAL),
    "host": (EndingField.HOST, EndingField.STATE),
    "queue": (EndingField.QUEUE, EndingField.STATE),
}
"""What can be grouped by."""


def routes(pages: Pages) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    context = pages.context

    @router.get("/failures")
    async def failures(
        request: Request,
        by: Literal["reason", "exit", "host", "queue"] = "reason",
        queue: Annotated[str, Query(pattern=SEARCH)] = "",
        host: Annotated[str, Query(pattern=SEARCH)] = "",
        window: Recent = "24h",
    ) -> Response:
        """Group the pilots that failed, were lost or removed; the largest group first."""
        fields = GROUPS[by]
        groups = await context.reading.ending_groups(
            context.clock.now() - WINDOWS[window],
            fields,
            QueueName(queue) if queue else None,
            ROWS,
            states=BAD,
            host=host or None,
        )
        return await pages.shown(
            request,
            "failures.html",
            fields=fields,
            groups=groups,
            shown=sum(group.pilots for group in groups),
            full=len(groups) == ROWS,
            by=by,
            choices=list(GROUPS),
            query={"queue": queue, "host": host, "window": window},
            windows=RECENT,
        )

    return router
