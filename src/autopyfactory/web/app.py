"""The web as one application, put together from its rooms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from autopyfactory.web import api, logs, metrics, monitor, pages, reports
from autopyfactory.web.context import WebContext
from autopyfactory.web.etags import Etags
from autopyfactory.web.gate import Gate
from autopyfactory.web.limits import Limiter
from autopyfactory.web.openapi import described
from autopyfactory.web.problems import add_handlers
from autopyfactory.web.sessions import Sessions

ABOUT = """Reading, operating and reporting.

Lists come in pages: `next` of one page is the cursor of the next one, null at the end.  Times are in UTC.
A number that nobody knows is null, never 0.  Every document that is read has an ETag.  Refusals are problem
documents (RFC 9457)."""


def create_app(context: WebContext) -> FastAPI:
    """Return the application; it serves once, until its lifespan ends."""
    settings = context.config.web
    limiter = Limiter(context.clock, settings.requests_per_s, settings.burst)
    intake = reports.Intake(context.writing, context.clock)
    desk = reports.ReportDesk(context, intake, limiter)
    sessions = Sessions(context.report_key)
    shown = pages.Pages(context, sessions)
    answer = pages.answers(shown)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with (
            intake.running(),
            monitor.running(context),
            context.timings.watching_the_loop(context.clock),
        ):
            yield

    app = FastAPI(
        title="AutoPyFactory",
        version=version("autopyfactory"),
        description=ABOUT,
        lifespan=lifespan,
        # their pages load scripts from elsewhere; the document itself stays
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.include_router(reports.routes(desk))
    app.include_router(api.routes(context))
    app.include_router(monitor.routes(context))
    app.include_router(logs.routes(context))
    app.include_router(metrics.routes(context))
    app.include_router(pages.routes(shown))
    add_handlers(app, answer)
    app.openapi = partial(described, app)  # type: ignore[method-assign]
    app.add_middleware(Etags, prefix="/api/")
    app.add_middleware(reports.Shortcut, desk=desk)
    app.add_middleware(Gate, context=context, limiter=limiter, sessions=sessions, answer=answer)
    return app
