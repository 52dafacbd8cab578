"""A list of pilots, and the page of one: its life, what its wrapper reported, where its logs are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from autopyfactory.api import PilotFilter, StoredTransition
from autopyfactory.model import PilotId, PilotReport, PilotState, QueueName, Report
from autopyfactory.web.api.parameters import SEARCH, PilotPath
from autopyfactory.web.api.pilots import PilotCursor, known_pilot, logs_of, report_data
from autopyfactory.web.pages.render import Pages

ROWS = 100
"""Of one page of the list."""
TAIL_BYTES = 64 * 1024
"""What "the end" of a log is."""
_TONES = {
    PilotState.FAILED: "bad",
    PilotState.LOST: "bad",
    PilotState.HELD: "warn",
    PilotState.UNKNOWN: "warn",
    PilotState.RUNNING: "good",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing in the life of a pilot."""

    at: datetime
    source: str
    """Who says so: the factory, or the wrapper by the clock of its node."""
    what: str
    tone: str
    text: str


def routes(pages: Pages) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    context, store = pages.context, pages.context.reading

    @router.get("/pilots")
    async def pilots(
        request: Request,
        queue: Annotated[str, Query(pattern=SEARCH)] = "",
        state: PilotState | Literal[""] = "",
        after: PilotCursor = None,
    ) -> Response:
        """List pilots, newest first."""
        which = PilotFilter(
            queue=QueueName(queue) if queue else None,
            states=frozenset({PilotState(state)} if state else ()),
            limit=ROWS,
            after=PilotId(after) if after else None,
        )
        found = await store.pilots(which)
        return pages.page(
            request,
            "pilots.html",
            pilots=found,
            query={"queue": queue, "state": state},
            states=list(PilotState),
            older=found[-1].id if len(found) == ROWS else None,
            first_page=after is None,
        )

    @router.get("/pilots/{pilot}")
    async def one_pilot(request: Request, pilot: PilotPath) -> Response:
        """Tell all that is known of one pilot."""
        found = await known_pilot(context, pilot)
        told = [(report, report_data(report)) for report in await store.reports(found.id)]
        return pages.page(
            request,
            "pilot.html",
            pilot=found,
            moments=_life(await store.transitions(found.id), told),
            validation=_last(told, "validation") or [],
            profile=flat(_last(told, "profile") or {}),
            payloads=_payloads(told),
            logs=logs_of(context.config, found),
            tail=TAIL_BYTES,
        )

    return router


def _life(
    transitions: Sequence[StoredTransition], told: Sequence[tuple[PilotReport, Mapping[str, Any]]]
) -> list[Moment]:
    """Return the life of a pilot in order; heartbeats that say nothing new are left out."""
    moments = [
        Moment(change.at, "factory", change.after, _TONES.get(change.after, "calm"), change.reason)
        for change in transitions
    ]
    moments += [
        Moment(
            report.at,
            "wrapper",
            report.state,
            "bad" if report.state is Report.FAULT else "calm",
            ": ".join(filter(None, (str(data.get("payload", "")), report.message))),
        )
        for report, data in told
        if report.state is not Report.HEARTBEAT or report.message
    ]
    return sorted(moments, key=lambda moment: moment.at)


def _last(told: Sequence[tuple[PilotReport, Mapping[str, Any]]], key: str) -> Any:
    return next((data[key] for _, data in reversed(told) if key in data), None)


def _payloads(told: Sequence[tuple[PilotReport, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the payloads in the order in which they were taken, each with the last that was said of it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for report, data in told:
        if report.state is Report.PAYLOAD and "payload" in data:
            key = (str(data["payload"]), str(data.get("attempt", "")))
            entry = found.setdefault(key, {"name": key[0], "attempt": key[1], "started_at": report.at})
            status = str(data.get("status", ""))
            over = {"ended_at": report.at} if status != "running" else {"ended_at": None}
            entry |= {"status": status, "said": report.message, **over}
    return list(found.values())


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return what a node told as lines of name and value, whatever it is made of."""
    if isinstance(value, Mapping):
        return [line for key, item in value.items() for line in flat(item, f"{name} {key}".strip())]
    if isinstance(value, list):
        if any(isinstance(item, Mapping) for item in value):
            return [line for n, item in enumerate(value, 1) for line in flat(item, f"{name} {n}".strip())]
        return [(name, " ".join(str(item) for item in value))] if value else []
    return [] if value is None else [(name, f"{value:,}" if isinstance(value, int) else str(value))]
