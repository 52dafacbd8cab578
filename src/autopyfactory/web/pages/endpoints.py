"""The endpoints: how old each answer is, errors, back-off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from autopyfactory.config import Config, EndpointSettings
from autopyfactory.model import EndpointHealth
from autopyfactory.web.pages.render import Pages


@dataclass(frozen=True, slots=True)
class Line:
    """One endpoint."""

    health: EndpointHealth
    polled: EndpointSettings | None
    """None: it is called when there is something to submit, not at intervals."""
    tone: str
    state: str


def routes(pages: Pages) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    context = pages.context

    @router.get("/endpoints")
    async def endpoints(request: Request) -> Response:
        """List the endpoints, and the queues whose submissions fail."""
        health = await context.reading.health()
        lines = _lines(context.config, health, context.clock.now())
        return await pages.shown(request, "endpoints.html", lines=lines)

    return router


def _lines(config: Config, health: Mapping[str, EndpointHealth], now: datetime) -> list[Line]:
    polled: dict[str, EndpointSettings] = {
        **{f"wms.{name}": endpoint.common for name, endpoint in config.wms.items()},
        **{f"batch.{name}": endpoint.common for name, endpoint in config.batch.items()},
    }
    called = [name for name, item in health.items() if name not in polled and _matters(config, item)]
    return [
        _line(health.get(name) or EndpointHealth(name), polled.get(name), now)
        for name in (*polled, *sorted(called))
    ]


def _matters(config: Config, health: EndpointHealth) -> bool:
    """Whether to list what is not polled: submissions of what is configured, of queues those that fail."""
    kind, _, name = health.name.partition(".")
    if kind == "queue":
        return bool(health.error) and name in config.queues
    return kind == "batch" and name.removesuffix(".submit") in config.batch


def _line(health: EndpointHealth, polled: EndpointSettings | None, now: datetime) -> Line:
    if health.error:
        waits = health.retry_at is not None and health.retry_at > now
        return Line(health, polled, "bad", "backs off" if waits else "fails")
    if polled is None:
        return Line(health, polled, "good", "well")
    if health.ok_at is None:
        return Line(health, polled, "calm", "not asked yet")
    stale = now - health.ok_at > timedelta(seconds=polled.stale_s)
    return Line(health, polled, "warn" if stale else "good", "stale" if stale else "well")
