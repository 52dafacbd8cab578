"""The specifications of charts, for the script of the pages."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from autopyfactory.api import Series
from autopyfactory.model import QueueName
from autopyfactory.web.api.parameters import QueueQuery
from autopyfactory.web.pages.render import Pages
from autopyfactory.web.pages.windows import WINDOWS, Window


def routes(pages: Pages) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    context = pages.context

    @router.get("/charts/queue")
    async def queue_chart(
        queue: QueueQuery = None,
        window: Window = "24h",
        dark: Annotated[bool, Query()] = False,
    ) -> Response:
        """Return the chart of a queue, or of all together, as a Vega-Lite specification."""
        now = context.clock.now()
        series = await context.reading.series(now - WINDOWS[window], now, QueueName(queue) if queue else None)
        # altair takes a while, most of all when it is imported
        specification = await asyncio.to_thread(_specification, series, dark=dark)
        return JSONResponse(specification, headers={"cache-control": "no-cache"})

    return router


def _specification(series: Series, *, dark: bool) -> dict[str, Any]:
    from autopyfactory.charts import queue_chart

    return queue_chart(series, dark=dark)
