"""Factory queues: how they are made, and how they stand."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query

from autopyfactory.config import QueueConfig
from autopyfactory.model import CycleRecord, EndpointHealth, Override, PilotCounts, QueueName
from autopyfactory.web.api.parameters import Limit, QueuePath, no_queue
from autopyfactory.web.api.schemas import (
    Endpoint,
    Limits,
    OverrideView,
    Page,
    Pilots,
    Queue,
    to_cycle,
)
from autopyfactory.web.context import WebContext
from autopyfactory.web.problems import responses


def routes(context: WebContext) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["queues"])

    @router.get("/queues")
    async def queues(
        limit: Limit = 1000,
        after: Annotated[str, Query(max_length=128, description="`next` of the page before.")] = "",
    ) -> Page[Queue]:
        """List the queues by name: those that are configured, and those of which pilots are left."""
        known = await _known(context)
        names = [name for name in known.names if name > after]
        items = [known.queue(name) for name in names[:limit]]
        return Page(items=items, next=names[limit - 1] if len(names) > limit else None)

    @router.get("/queues/{queue:path}", responses=responses(404))
    async def one_queue(queue: QueuePath) -> Queue:
        """Tell all of one queue but its trace."""
        known = await _known(context)
        if queue not in known.names:
            raise no_queue(queue)
        return known.queue(QueueName(queue))

    return router


class _Known:
    """What the store says of all queues at once."""

    def __init__(
        self,
        context: WebContext,
        latest: Mapping[QueueName, CycleRecord],
        live: Mapping[QueueName, PilotCounts],
        health: Mapping[str, EndpointHealth],
        overrides: Mapping[QueueName, Override],
    ) -> None:
        self._config = context.config
        self._latest = latest
        self._live = live
        self._health = health
        self._now = context.clock.now()
        self._overrides = overrides
        self.names = sorted({*context.config.queues, *live})

    def queue(self, name: QueueName) -> Queue:
        """Return one of `names`."""
        config = self._config.queues.get(name)
        override = self._overrides.get(name)
        holds = override is not None and override.holds_back(self._now)
        cycle, health = self._latest.get(name), self._health.get(f"queue.{name}")
        settings = config.settings if config else None
        return Queue(
            name=name,
            configured=config is not None,
            enabled=settings is not None and settings.enabled,
            wms=settings.wms if settings else "",
            wms_queue=config.wms_queue if config else "",
            batch=settings.batch if settings else "",
            rules=[step.name for step in config.chain] if config else [],
            limits=self._limits(config) if config else None,
            override=OverrideView.model_validate(override) if holds else None,
            submission=Endpoint.model_validate(health) if health else None,
            live=Pilots.model_validate(self._live.get(name, PilotCounts())),
            cycle=to_cycle(cycle) if cycle else None,
        )

    def _limits(self, queue: QueueConfig) -> Limits:
        return Limits(
            max_per_factory=self._config.factory.max_per_factory,
            max_pilots=self._config.batch[queue.settings.batch].common.max_pilots,
            interval_s=queue.settings.interval_s,
        )


async def _known(context: WebContext) -> _Known:
    store = context.reading
    return _Known(
        context,
        await store.latest(),
        await store.live_counts(),
        await store.health(),
        await store.overrides(),
    )
