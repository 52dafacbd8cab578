"""What operators ask for, kept in the store for the factory to heed; and the trail of it."""

import logging
from functools import partial
from typing import Annotated, Self

from fastapi import APIRouter, Body
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from autopyfactory.control import retiring
from autopyfactory.model import AuditEntry, Override, OverrideKind, Pilot
from autopyfactory.web.access import Caller, Operator
from autopyfactory.web.api.parameters import EARLIEST, LATEST, Before, Limit, QueuePath, configured
from autopyfactory.web.api.schemas import AuditView, Listing, OverrideView, Page, Retiring
from autopyfactory.web.context import WebContext
from autopyfactory.web.problems import Problem, responses

logger = logging.getLogger(__name__)


class Wish(BaseModel):
    """How a queue is to be held back."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: OverrideKind
    why: str = Field(default="", max_length=500)
    until: AwareDatetime | None = Field(default=None, ge=EARLIEST, lt=LATEST)
    """When a downtime is over; needed there, and there alone."""

    @model_validator(mode="after")
    def _downtimes_end(self) -> Self:
        if (self.kind is OverrideKind.DOWNTIME) != (self.until is not None):
            raise ValueError("a downtime has an end (until), a drained queue has none")
        return self


class RetireWish(BaseModel):
    """Which pilots are to be removed."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    pilots: int = Field(ge=1, le=1_000_000)
    """At the most; the newest go first."""
    running: bool = False
    """Whether also pilots that run may go, where too few wait."""
    why: str = Field(default="", max_length=500)


_EXAMPLES = {
    "drain": {"summary": "Drain", "value": {"kind": "drained", "why": "disk full"}},
    "downtime": {
        "summary": "Downtime",
        "value": {"kind": "downtime", "until": "2026-03-02T08:00:00Z", "why": "power"},
    },
}


def routes(context: WebContext) -> APIRouter:
    """Return the routes that read."""
    router = APIRouter(tags=["operations"])
    store = context.reading

    @router.get("/overrides")
    async def overrides() -> Listing[OverrideView]:
        """List the queues that are held back now, by name."""
        now = context.clock.now()
        found = await store.overrides()
        holding = [found[name] for name in sorted(found) if found[name].holds_back(now)]
        return Listing(items=[OverrideView.model_validate(override) for override in holding])

    @router.get("/audit")
    async def audit(limit: Limit = 100, before: Before = None) -> Page[AuditView]:
        """List what operators did, newest first."""
        found = await store.audit(before, limit)
        following = str(found[-1].id) if len(found) == limit else None
        return Page(items=[AuditView.model_validate(entry) for entry in found], next=following)

    return router


def writing_routes(context: WebContext) -> APIRouter:
    """Return the routes that need the scope operate."""
    router = APIRouter(tags=["operations"], responses=responses(401, 403, 404, 413))

    @router.put("/overrides/{queue:path}", responses=responses(400))
    async def put_override(
        queue: QueuePath, wish: Annotated[Wish, Body(openapi_examples=_EXAMPLES)], caller: Operator
    ) -> OverrideView:
        """Let a queue submit nothing; its pilots are watched to their end.

        The factory heeds it within seconds, also when it is started later.
        """
        return OverrideView.model_validate(await hold_back(context, caller, queue, wish))

    @router.delete("/overrides/{queue:path}", status_code=204)
    async def delete_override(queue: QueuePath, caller: Operator) -> None:
        """Let a queue submit again; it is well where it was not held back."""
        await resume(context, caller, queue)

    @router.post("/retire/{queue:path}", status_code=202, responses=responses(400))
    async def post_retire(queue: QueuePath, wish: RetireWish, caller: Operator) -> Retiring:
        """Have pilots of a queue removed, newest first, those that wait before those that run.

        They are chosen now, and removed when the factory looks at their batch system next, unless their state
        is another one by then.
        """
        return Retiring(pilots=[pilot.id for pilot in await retire(context, caller, queue, wish)])

    return router


async def hold_back(context: WebContext, caller: Caller, queue: str, wish: Wish) -> Override:
    """Let a queue submit nothing.  Raises `Problem` 404, and 422 for an end that is past."""
    name, now = configured(context.config, queue), context.clock.now()
    if wish.until is not None and wish.until <= now:
        raise Problem(422, "the downtime would be over already")
    override = Override(name, wish.kind, caller.name, now, wish.why, wish.until)
    action = "drain" if wish.kind is OverrideKind.DRAINED else "downtime"
    detail = f"until {wish.until.isoformat()}: {wish.why}" if wish.until else wish.why
    await context.writing.set_override(name, override, _entry(context, caller, action, name, detail))
    return override


async def resume(context: WebContext, caller: Caller, queue: str) -> None:
    """Let a queue submit again.  Raises `Problem` 404."""
    name = configured(context.config, queue)
    await context.writing.set_override(name, None, _entry(context, caller, "resume", name, ""))


async def retire(context: WebContext, caller: Caller, queue: str, wish: RetireWish) -> list[Pilot]:
    """Have pilots removed, and return which.  Raises `Problem` 404."""
    name = configured(context.config, queue)
    entry = partial(_entry, context, caller)
    return await retiring.retire(
        context.writing, name, wish.pilots, entry, running=wish.running, why=wish.why
    )


def _entry(context: WebContext, caller: Caller, action: str, target: str, detail: str) -> AuditEntry:
    logger.info(
        "%s: %s %s",
        caller.name,
        action,
        target,
        extra={"action": action, "queue": target, "origin": caller.origin},
    )
    return AuditEntry(context.clock.now(), caller.name, action, target, detail, caller.origin)
