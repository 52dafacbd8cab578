"""A monitor by itself, for many factories elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from autopyfactory.web.context import WebContext
from autopyfactory.web.etags import Etags
from autopyfactory.web.gate import Gate
from autopyfactory.web.limits import Limiter
from autopyfactory.web.monitor.routes import routes
from autopyfactory.web.monitor.running import running
from autopyfactory.web.problems import add_handlers


def create_monitor_app(context: WebContext) -> FastAPI:
    """Return the application; it serves once, until its lifespan ends."""
    settings = context.config.web

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(context):
            yield

    app = FastAPI(
        title="AutoPyFactory monitor",
        version=version("autopyfactory"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Tell that the monitor answers and can read the store."""
        await context.reading.health()
        return {"status": "ok"}

    app.include_router(routes(context))
    add_handlers(app)
    app.add_middleware(Etags, prefix="/api/")
    app.add_middleware(
        Gate, context=context, limiter=Limiter(context.clock, settings.requests_per_s, settings.burst)
    )
    return app
