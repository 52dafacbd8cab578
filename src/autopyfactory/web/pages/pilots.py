"""A list of pilots, and the page of one: its life, what its wrapper reported, where its logs are."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from autopyfactory.api import PilotFilter
from autopyfactory.model import PilotId, PilotState, QueueName
from autopyfactory.web.api.parameters import SEARCH, PilotPath
from autopyfactory.web.api.pilots import PilotCursor, known_pilot, logs_of, report_data
from autopyfactory.web.pages.life import checks, flat, last_of, moments, payloads
from autopyfactory.web.pages.render import Pages

ROWS = 100
"""Of one page of the list."""
TAIL_BYTES = 64 * 1024
"""What "the end" of a log is."""


def routes(pages: Pages) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    context, store = pages.context, pages.context.reading

    @router.get("/pilots")
    async def pilots(
        request: Request,
        queue: Annotated[str, Query(pattern=SEARCH)] = "",
        state: PilotState | Literal[""] = "",
        after: PilotCursor = None,
    ) -> Response:
        """List pilots, newest first."""
        which = PilotFilter(
            queue=QueueName(queue) if queue else None,
            states=frozenset({PilotState(state)} if state else ()),
            limit=ROWS,
            after=PilotId(after) if after else None,
        )
        found = await store.pilots(which)
        return await pages.shown(
            request,
            "pilots.html",
            pilots=found,
            query={"queue": queue, "state": state},
            states=list(PilotState),
            older=found[-1].id if len(found) == ROWS else None,
            first_page=after is None,
        )

    @router.get("/pilots/{pilot}")
    async def one_pilot(request: Request, pilot: PilotPath) -> Response:
        """Tell all that is known of one pilot."""
        found = await known_pilot(context, pilot)
        told = [(report, report_data(report)) for report in await store.reports(found.id)]
        return await pages.shown(
            request,
            "pilot.html",
            pilot=found,
            moments=moments(await store.transitions(found.id), told),
            validation=checks(last_of(told, "validation")),
            profile=flat(last_of(told, "profile")),
            payloads=payloads(told),
            logs=logs_of(context.config, found),
            tail=TAIL_BYTES,
        )

    return router
