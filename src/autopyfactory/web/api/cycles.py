"""What queues decided, and why."""

from typing import Annotated

from fastapi import APIRouter, Query

from autopyfactory.model import QueueName
from autopyfactory.web.api.parameters import Before, Limit, Moment, QueuePath, QueueQuery, no_queue
from autopyfactory.web.api.schemas import (
    Cycle,
    Explanation,
    Page,
    SampleView,
    to_cycle,
    to_explanation,
    to_sample,
)
from autopyfactory.web.context import WebContext
from autopyfactory.web.problems import Problem, responses

_MAX_SAMPLES = 10_000


def routes(context: WebContext) -> APIRouter:
    """Return the routes.  Those of all queues come after them: names of queues may hold slashes."""
    router = APIRouter(tags=["queues"])
    store, config = context.reading, context.config

    @router.get("/queues/{queue:path}/cycles", responses=responses(404))
    async def cycles(queue: QueuePath, limit: Limit = 20, before: Before = None) -> Page[Cycle]:
        """List the cycles of a queue, newest first."""
        found = await store.cycles(QueueName(queue), limit, before)
        if not found and before is None and queue not in config.queues:
            raise no_queue(queue)
        following = str(found[-1].id) if len(found) == limit else None
        return Page(items=[to_cycle(cycle) for cycle in found], next=following)

    @router.get("/queues/{queue:path}/explain", responses=responses(404))
    async def explain(
        queue: QueuePath,
        cycle: Annotated[int | None, Query(ge=0, lt=2**63, description="Left out: the newest.")] = None,
    ) -> Explanation:
        """Tell why a number came out as it did: inputs with their ages, every rule with its reason."""
        found = await store.cycle(QueueName(queue), cycle)
        if found is None:
            raise no_queue(queue) if queue not in config.queues else Problem(404, "there is no such cycle")
        return to_explanation(found)

    @router.get("/samples")
    async def samples(
        since: Moment, queue: QueueQuery = None, limit: Annotated[int, Query(ge=1, le=_MAX_SAMPLES)] = 1000
    ) -> Page[SampleView]:
        """List the numbers of cycles since a time, oldest first; ``next`` is ``since`` of the next page."""
        found = await store.samples(since, QueueName(queue) if queue else None, limit + 1)
        if len(found) <= limit:
            return Page(items=[to_sample(sample) for sample in found])
        # a page ends between two times; only where all cycles are of one instant it does so within
        last = found[-1].at
        whole = [sample for sample in found if sample.at < last] or found[:limit]
        return Page(items=[to_sample(sample) for sample in whole], next=last.isoformat())

    return router
