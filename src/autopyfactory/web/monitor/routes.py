"""``/api/factories``, ``/api/labels`` and ``/api/jobs``.

Answers have the statuses that clients in the field look at: 200 and 201, 400 for what cannot be used or
cannot be, 404 for what is not known.  Who may write is decided by `autopyfactory.web.gate`.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from autopyfactory.api import JobFilter
from autopyfactory.model.monitor import JobState, LabelMessage
from autopyfactory.model.monitor_life import BadTransition
from autopyfactory.web.access import CallerHere, monitor_reader
from autopyfactory.web.context import WebContext
from autopyfactory.web.monitor.bodies import BadBody, Sent
from autopyfactory.web.monitor.documents import (
    factory_document,
    job_document,
    job_with_history,
    label_document,
)

PREFIX = "/api"
MAX_OFFSET = 2**31
MAX_JOBS = 10_000
"""In one answer: a store holds millions of pilots."""

Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET)]
Limit = Annotated[int, Query(ge=0, le=MAX_OFFSET)]


def routes(context: WebContext) -> APIRouter:
    """Return them; they are no part of the described API, since nobody should write a new client of them."""
    router = APIRouter(
        prefix=PREFIX,
        include_in_schema=False,
        dependencies=[monitor_reader(context.config.web)],  # type: ignore[list-item]
    )
    router.include_router(_factories(context))
    router.include_router(_labels(context))
    router.include_router(_jobs(context))
    return router


def _factories(context: WebContext) -> APIRouter:
    router = APIRouter()

    @router.get("/factories")
    async def factories() -> Response:
        now = context.clock.now()
        return _json(factory_document(each, now) for each in await context.reading.monitored_factories())

    @router.get("/factories/{name}")
    async def factory(request: Request, name: str) -> Response:
        found = await context.reading.monitored_factories(name)
        return _json(factory_document(found[0], context.clock.now())) if found else _not_found(request)

    @router.put("/factories/{name}")
    async def put_factory(request: Request, name: str, caller: CallerHere) -> Response:
        if ":" in name or len(name) > 255:
            return _bad("Invalid data: a factory's name has no colon, and at most 255 characters")
        try:
            sent = Sent(await request.body()).factory()
        except BadBody as error:
            return _bad(str(error))
        now = context.clock.now()
        is_new = await context.writing.put_factory(sent.card(name, caller.origin), now, sent.startup)
        found = await context.writing.monitored_factories(name)
        return _json((factory_document(each, now) for each in found), 201 if is_new else 200)

    return router


def _labels(context: WebContext) -> APIRouter:
    router = APIRouter()

    @router.get("/labels")
    async def labels(factory: str | None = None, offset: Offset = 0, limit: Limit = 50) -> Response:
        found = await context.reading.monitored_labels(factory or None, None, offset, limit)
        return _json(label_document(each) for each in found)

    @router.put("/labels")
    async def put_labels(request: Request) -> Response:
        try:
            sent = Sent(await request.body()).labels()
        except BadBody as error:
            return _bad(str(error))
        cards = [each.card() for each in sent]
        created, updated = await context.writing.put_labels(cards, context.clock.now())
        return PlainTextResponse(f"Created {created}/{len(cards)} labels, {updated} updated", 201)

    @router.get("/labels/{key:path}")
    async def label(request: Request, key: str) -> Response:
        factory, _, name = key.partition(":")
        found = await context.reading.monitored_labels(factory, name)
        return _json(label_document(found[0], whole=True)) if found else _not_found(request)

    @router.post("/labels/{key:path}")
    async def post_label(request: Request, key: str, caller: CallerHere) -> Response:
        factory, _, name = key.partition(":")
        try:
            sent = _sent(request, await request.body()).status()
            data = sent.data_text()
        except BadBody as error:
            return _bad(str(error))
        message = LabelMessage(context.clock.now(), caller.origin, sent.status)
        if not await context.writing.add_label_message(factory, name, message, data):
            return _not_found(request)
        return _done(request)

    return router


def _jobs(context: WebContext) -> APIRouter:
    router = APIRouter()

    @router.get("/jobs")
    async def jobs(
        factory: str | None = None,
        label: str | None = None,
        state: str | None = None,
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> Response:
        try:
            wanted = JobState(state.lower()) if state else None
        except ValueError:
            return _bad(f"Invalid data: state is none of {', '.join(JobState)}")
        most = min(limit or MAX_JOBS, MAX_JOBS)
        which = JobFilter(factory or None, label or None, wanted, offset, most)
        return _json(job_document(each) for each in await context.reading.monitored_jobs(which))

    @router.put("/jobs")
    async def put_jobs(request: Request) -> Response:
        try:
            sent = Sent(await request.body()).jobs()
        except BadBody as error:
            return _bad(str(error))
        now = context.clock.now()
        added = await context.writing.put_jobs([each.job(now) for each in sent])
        text = f"Created {added.created}/{len(sent)} jobs, {added.skipped} not created"
        return PlainTextResponse(text, 201)

    @router.get("/jobs/{key:path}")
    async def job(request: Request, key: str) -> Response:
        factory, _, cid = key.partition(":")
        found = await context.reading.monitored_job(factory, cid)
        return _json(job_with_history(*found)) if found else _not_found(request)

    @router.post("/jobs/{key:path}")
    async def post_job(request: Request, key: str, caller: CallerHere) -> Response:
        factory, _, cid = key.partition(":")
        try:
            report = _sent(request, await request.body()).report(context.clock.now(), caller.origin)
            await context.writing.report_job(factory, cid, report)
        except (BadBody, BadTransition) as error:
            return _bad(str(error))
        except KeyError:
            return _not_found(request)
        return _done(request)

    return router


def _sent(request: Request, body: bytes) -> Sent:
    return Sent(body, request.headers.get("content-type", ""))


def _json(document: Any, status: int = 200) -> Response:
    if isinstance(document, Iterable) and not isinstance(document, dict):
        document = list(document)
    text = json.dumps(document, sort_keys=True, indent=2)
    return Response(text, status, media_type="application/json")


def _done(request: Request) -> Response:
    return PlainTextResponse(str(request.url), headers={"location": request.url.path})


def _not_found(request: Request) -> Response:
    return PlainTextResponse(f"Not found: {request.url}", 404, {"location": request.url.path})


def _bad(text: str) -> Response:
    return PlainTextResponse(text, 400)
