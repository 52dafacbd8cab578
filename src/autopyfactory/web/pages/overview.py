"""The first page: the factory, and a table of its queues."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from autopyfactory.web.api.parameters import SEARCH
from autopyfactory.web.api.schemas import reason_of
from autopyfactory.web.pages.factories import read_factories
from autopyfactory.web.pages.queue_table import SORTS, ordered, read_rows
from autopyfactory.web.pages.render import Pages
from autopyfactory.web.pages.standing import State
from autopyfactory.web.pages.windows import RECENT, WINDOWS, Recent

ROWS = 100
"""Of one page of the table."""
_SPARK_STEPS = 24
_INSTANT = timedelta(microseconds=1)


def routes(pages: Pages) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    context, store = pages.context, pages.context.reading

    @router.get("/")
    async def overview(
        request: Request,
        q: Annotated[str, Query(pattern=SEARCH)] = "",
        state: State | Literal[""] = "",
        window: Recent = "6h",
        sort: Annotated[str, Query(pattern=SORTS)] = "queue",
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> Response:
        """Show the factory, and its queues as a table."""
        begin = context.clock.now() - WINDOWS[window]
        health = await store.health()
        everything = await read_rows(context, health, begin)
        chosen = [
            row for row in everything if q.lower() in row.name.lower() and state in ("", row.standing.state)
        ]
        rows = ordered(chosen, sort)[(page - 1) * ROWS : page * ROWS]
        names = [row.name for row in rows]
        cycles = await store.latest_of(names)
        # a little wider than its share, so that the last step holds the present
        step = WINDOWS[window] / _SPARK_STEPS + _INSTANT
        return await pages.shown(
            request,
            "overview.html",
            about=await read_factories(context, health, everything),
            rows=rows,
            found=len(chosen),
            states=sorted({row.standing.state for row in everything}),
            cycles=cycles,
            reasons={name: reason_of(cycle.decision) for name, cycle in cycles.items()},
            sparks=await store.running_at(names, begin, step, _SPARK_STEPS),
            query={"q": q, "state": state, "window": window, "sort": sort},
            windows=RECENT,
            number_of_page=page,
            pages=-(-len(chosen) // ROWS),
        )

    return router
