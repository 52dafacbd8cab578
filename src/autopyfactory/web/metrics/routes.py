"""``GET /metrics``."""

import asyncio
import gzip

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from autopyfactory.web.access import reader
from autopyfactory.web.context import WebContext
from autopyfactory.web.metrics.scrape import Scraper

_LEVEL = 1
"""Texts of metrics shrink to a twentieth by the fastest compression already."""


def routes(context: WebContext) -> APIRouter:
    """Return the route; who may read may scrape."""
    router = APIRouter(dependencies=[reader(context.config.web)])  # type: ignore[list-item]
    scraper = Scraper(context)

    @router.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        text = await scraper.text()
        headers = {"cache-control": "no-store", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            text = await asyncio.to_thread(gzip.compress, text, _LEVEL)
            headers["content-encoding"] = "gzip"
        return Response(text, headers=headers, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router
