"""A queue's page: chart, decisions with their reasons, limits, breakers, pilots, and what may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from autopyfactory.api import PilotFilter, RuleSettings
from autopyfactory.config import Config, QueueConfig
from autopyfactory.model import CycleRecord, EndpointHealth, PilotCounts, QueueName, Reason
from autopyfactory.web.api.parameters import Before, QueuePath, no_queue
from autopyfactory.web.api.schemas import reason_of
from autopyfactory.web.context import WebContext
from autopyfactory.web.pages.render import Pages
from autopyfactory.web.pages.windows import WINDOWS, Window
from autopyfactory.web.pages.words import number, span

DECISIONS = 10
"""Shown at once."""
_PILOTS = 10
_BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class Breaker:
    """Something that holds a queue's submissions back by itself."""

    name: str
    closed: bool
    told: str
    """Why, in its own words."""
    state: str


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, as it is read."""

    cycle: CycleRecord
    reason: str


def routes(pages: Pages) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    context, store = pages.context, pages.context.reading

    @router.get("/queues/{queue:path}")
    async def one_queue(
        request: Request, queue: QueuePath, window: Window = "24h", before: Before = None
    ) -> Response:
        """Show one queue."""
        name = QueueName(queue)
        config = context.config.queues.get(name)
        cycles = await store.cycles(name, DECISIONS, before)
        latest = (cycles[0] if before is None else await store.cycle(name)) if cycles else None
        live = (await store.live_counts()).get(name)
        if config is None and live is None and latest is None:
            raise no_queue(queue)
        now = context.clock.now()
        health, override = await store.health(), (await store.overrides()).get(name)
        return await pages.shown(
            request,
            "queue.html",
            name=name,
            config=config,
            latest=latest,
            live=live or PilotCounts(),
            decisions=[Decided(cycle, reason_of(cycle.decision)) for cycle in cycles],
            older=cycles[-1].id if len(cycles) == DECISIONS else None,
            newest_page=before is None,
            held_back=override.holds_back(now) if override else "",
            limits=_limits(context.config, config) if config else [],
            rules=[(step.name, _settings(step.rule)) for step in config.chain] if config else [],
            breakers=_breakers(context, config, latest, health),
            owner=await _owner(context, name),
            pilots=await store.pilots(PilotFilter(queue=name, limit=_PILOTS)),
            window=window,
            windows=list(WINDOWS),
        )

    return router


async def _owner(context: WebContext, name: QueueName) -> str:
    if not context.config.factory.shared:
        return ""
    lease = (await context.reading.leases()).get(name)
    return lease.owner if lease else ""


def _limits(config: Config, queue: QueueConfig) -> list[tuple[str, str]]:
    """Return what bounds a queue, beside its rules and by them."""
    batch = config.batch[queue.settings.batch].common
    life, retire = queue.settings.life, queue.settings.retire
    numbers = {
        "pilots of this factory": config.factory.max_per_factory,
        f"pilots at batch.{queue.settings.batch}": batch.max_pilots,
        "pilots in one call": batch.max_per_submit,
        "releases of a held pilot": life.hold_releases,
        "removed in one cycle": retire.per_cycle,
    }
    times = {"waits at most": life.pending_max_s, "runs at most": life.running_max_s}
    return [
        *((name, "no limit" if value is None else number(value)) for name, value in numbers.items()),
        *((name, span(value)) for name, value in times.items()),
    ]


def _settings(rule: RuleSettings) -> dict[str, Any]:
    """Return a rule's settings; switches only where somebody turned them."""
    fields = type(rule).model_fields
    given = {name: (getattr(rule, name), field.default) for name, field in fields.items()}
    return {
        name: value
        for name, (value, default) in given.items()
        if not isinstance(value, bool) or value != default
    }


def _breakers(
    context: WebContext,
    config: QueueConfig | None,
    latest: CycleRecord | None,
    health: Mapping[str, EndpointHealth],
) -> Sequence[Breaker]:
    steps = latest.decision.reasons if latest else ()
    found = [_of_rule(step) for step in steps if step.rule == _BREAKER]
    if config is not None:
        wms, batch = f"wms.{config.settings.wms}", f"batch.{config.settings.batch}"
        names = (wms, batch, f"{batch}.history", f"{batch}.submit", f"queue.{config.name}")
        found += [_of_endpoint(context, health[name]) for name in names if name in health]
    return found


def _of_rule(step: Reason) -> Breaker:
    state = str(step.facts.get("state", "unknown"))
    return Breaker("rule breaker", closed=state == "closed", told=step.why, state=state)


def _of_endpoint(context: WebContext, health: EndpointHealth) -> Breaker:
    title = "submissions of this queue" if health.name.startswith("queue.") else health.name
    if not health.error:
        return Breaker(title, closed=True, told="answers", state="closed")
    now = context.clock.now()
    waits = health.retry_at is not None and health.retry_at > now
    told = f"{health.failures} failures in a row: {health.error}"
    again = f"; tried again at {health.retry_at:%H:%M:%S}" if waits and health.retry_at else ""
    return Breaker(title, closed=False, told=told + again, state="open")
