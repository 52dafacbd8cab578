"""Pages out of templates.  Every text is escaped; nothing that a page holds can run."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autopyfactory.model import Scope
from autopyfactory.web.access import Caller
from autopyfactory.web.context import WebContext
from autopyfactory.web.pages import static, tones, words
from autopyfactory.web.sessions import Sessions

_WORTH_ZIPPING = 1000


class Pages:
    """Renders pages of one web."""

    def __init__(self, context: WebContext, sessions: Sessions) -> None:
        self.context = context
        self.sessions = sessions
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "number": words.number,
            "duration": words.span,
            "stamp": words.stamp,
            "queue_url": words.queue_url,
        }
        self._environment.globals |= {
            "share": words.share,
            "with_query": words.with_query,
            "spark_path": words.spark_path,
            "asset": static.url_of,
            "pilot_tone": tones.of_pilot,
        }

    async def shown(self, request: Request, template: str, **values: Any) -> Response:
        """Return a page that may be long: it is made in a thread, while the event loop goes on."""
        return await asyncio.to_thread(self.page, request, template, **values)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page; ``values`` are what its template asks for."""
        now = self.context.clock.now()
        caller: Caller = getattr(request.state, "caller", None) or Caller("")
        html = self._environment.get_template(template).render(
            factory=self.context.config.factory.id,
            now=now,
            ago=lambda at: words.ago(at, now),
            here=_local(request),
            path=request.url.path,
            caller=caller,
            may_operate=self._may_operate(request, caller),
            csrf=self.sessions.csrf(request),
            **values,
        )
        return _html(request, html, status)

    def _may_operate(self, request: Request, caller: Caller) -> bool:
        return bool(self.sessions.csrf(request)) and Scope.OPERATE in caller.scopes


def _local(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _html(request: Request, html: str, status: int) -> Response:
    body = html.encode()
    headers = {"cache-control": "no-store", "vary": "accept-encoding"}
    if len(body) >= _WORTH_ZIPPING and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=3, mtime=0)
        headers["content-encoding"] = "gzip"
    return HTMLResponse(body, status, headers)
