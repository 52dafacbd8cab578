"""The factory as a whole, and its endpoints."""

from importlib.metadata import version

from fastapi import APIRouter

from autopyfactory.model import EndpointHealth, PilotCounts
from autopyfactory.web.api.schemas import (
    Endpoint,
    Factory,
    Listing,
    Pilots,
)
from autopyfactory.web.context import WebContext


def routes(context: WebContext) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["factory"])
    store, config = context.reading, context.config

    @router.get("/factory")
    async def factory() -> Factory:
        """Tell what the factory is, and how it fares as a whole."""
        latest, health = await store.latest(), await store.health()
        live = (await store.live_counts()).values()
        return Factory(
            id=config.factory.id,
            version=version("autopyfactory"),
            url=config.web.url,
            queues=len(config.queues),
            live=_sum(list(live)),
            last_cycle_at=max((cycle.at for cycle in latest.values()), default=None),
            troubled=sorted(name for name, item in health.items() if item.error),
        )

    @router.get("/endpoints")
    async def endpoints() -> Listing[Endpoint]:
        """List all endpoints, and the queues whose submissions were ever tried, by name."""
        health = dict(await store.health())
        for name in (*(f"wms.{n}" for n in config.wms), *(f"batch.{n}" for n in config.batch)):
            health.setdefault(name, EndpointHealth(name))
        return Listing(items=[Endpoint.model_validate(health[name]) for name in sorted(health)])

    return router


def _sum(counts: list[PilotCounts]) -> Pilots:
    return Pilots(**{name: sum(getattr(each, name) for each in counts) for name in Pilots.model_fields})
