"""Pilots, their lives, and how they ended."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from autopyfactory.api import EndingField, PilotFilter
from autopyfactory.config import Config
from autopyfactory.model import TAG_PATTERN, Pilot, PilotId, PilotReport, PilotState, QueueName, log_folder
from autopyfactory.web.api.parameters import Limit, Moment, PilotPath, QueueQuery
from autopyfactory.web.api.schemas import (
    Ending,
    FailureGroup,
    Listing,
    Page,
    PilotLife,
    PilotView,
    ReportView,
    TransitionView,
)
from autopyfactory.web.context import WebContext
from autopyfactory.web.problems import Problem, responses

PilotCursor = Annotated[
    str | None, Query(pattern=f"^{TAG_PATTERN}$", description="`next` of the page before.")
]
_BY = (EndingField.STATE, EndingField.CAUSE, EndingField.EXIT_CODE, EndingField.REASON)


def routes(context: WebContext) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["pilots"])
    store = context.reading

    @router.get("/pilots")
    async def pilots(
        queue: QueueQuery = None,
        state: Annotated[list[PilotState] | None, Query(max_length=len(PilotState))] = None,
        since: Moment | None = None,
        after: PilotCursor = None,
        limit: Limit = 100,
    ) -> Page[PilotView]:
        """List pilots, newest first."""
        which = PilotFilter(
            QueueName(queue) if queue else None,
            frozenset(state or ()),
            since,
            limit,
            PilotId(after) if after else None,
        )
        found = await store.pilots(which)
        following = found[-1].id if len(found) == limit else None
        return Page(items=[PilotView.model_validate(pilot) for pilot in found], next=following)

    @router.get("/pilots/{pilot}", responses=responses(404))
    async def one_pilot(pilot: PilotPath) -> PilotLife:
        """Tell all that is known of one pilot."""
        found = await known_pilot(context, pilot)
        return PilotLife(
            **PilotView.model_validate(found).model_dump(),
            transitions=await _transitions(context, found.id),
            reports=[_report(report) for report in await store.reports(found.id)],
            logs=logs_of(context.config, found),
        )

    @router.get("/pilots/{pilot}/transitions", responses=responses(404))
    async def transitions(pilot: PilotPath) -> Listing[TransitionView]:
        """List the changes in the life of a pilot, oldest first."""
        found = await known_pilot(context, pilot)
        return Listing(items=await _transitions(context, found.id))

    @router.get("/pilots/{pilot}/reports", responses=responses(404))
    async def reports(
        pilot: PilotPath, after: Annotated[int, Query(ge=-1, lt=2**63)] = -1, limit: Limit = 100
    ) -> Page[ReportView]:
        """List what a pilot's wrapper reported, in its order."""
        found = await store.reports((await known_pilot(context, pilot)).id, after, limit)
        following = str(found[-1].seq) if len(found) == limit else None
        return Page(items=[_report(report) for report in found], next=following)

    @router.get("/endings")
    async def endings(since: Moment, queue: QueueQuery = None) -> Listing[Ending]:
        """Count the pilots that ended since a time by state, cause and whether they got a payload."""
        counted = await store.endings(since, QueueName(queue) if queue else None)
        items = [
            Ending(state=state, cause=cause, empty=empty, pilots=n)
            for (state, cause, empty), n in counted.items()
        ]
        return Listing(items=sorted(items, key=lambda ending: (-ending.pilots, ending.state)))

    @router.get("/failures")
    async def failures(
        since: Moment,
        by: Annotated[list[EndingField] | None, Query(min_length=1, max_length=len(EndingField))] = None,
        queue: QueueQuery = None,
        limit: Limit = 100,
    ) -> Listing[FailureGroup]:
        """Group the pilots that ended since a time, largest group first; by host it shows black holes."""
        fields = list(dict.fromkeys(by or _BY))
        groups = await store.ending_groups(since, fields, QueueName(queue) if queue else None, limit)
        return Listing(
            items=[
                FailureGroup(
                    values=dict(zip(fields, group.values, strict=True)),
                    pilots=group.pilots,
                    last_at=group.last_at,
                )
                for group in groups
            ]
        )

    return router


async def known_pilot(context: WebContext, pilot: str) -> Pilot:
    """Return a pilot; raises `Problem` 404."""
    name = PilotId(pilot)
    found = (await context.reading.find([name])).get(name)
    if found is None:
        raise Problem(404, f"pilot {pilot} is not known: it is of another factory, or was forgotten")
    return found


async def _transitions(context: WebContext, pilot: PilotId) -> Sequence[TransitionView]:
    return [TransitionView.model_validate(change) for change in await context.reading.transitions(pilot)]


def _report(report: PilotReport) -> ReportView:
    return ReportView(
        seq=report.seq,
        at=report.at,
        received_at=report.received_at,
        state=report.state,
        host=report.host,
        message=report.message,
        data=report_data(report),
    )


def report_data(report: PilotReport) -> Any:
    """Return what a report carries: an object."""
    return json.loads(report.data)


def logs_of(config: Config, pilot: Pilot) -> dict[str, str]:
    """Return the URLs of a pilot's out, err and log; none where none are served."""
    if pilot.batch_id is None or not config.web.logs:
        return {}
    folder = log_folder(pilot.planned_at, pilot.queue)
    return {part: f"/logs/{folder}/{pilot.batch_id}.{part}" for part in ("out", "err", "log")}
