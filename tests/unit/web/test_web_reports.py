"""Reports of wrappers: taken, repeated, refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from web_world import NOW, Answer, Web, serving_web

from autopyfactory.api import StoreUnavailable
from autopyfactory.model import PilotId, PilotReport, Report, Scope
from autopyfactory.serving import Message
from autopyfactory.testkit.store import pilot_ids
from autopyfactory.web.access import Caller
from autopyfactory.web.limits import Limiter
from autopyfactory.web.reports import ReportDesk, routes
from autopyfactory.web.reports.intake import MAX_WAITING, Intake, IntakeFull

STRANGER = pilot_ids(1, NOW, seed=9)[0]


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


def one(**changes: Any) -> dict[str, Any]:
    return {"seq": 0, "at": "2026-03-01T12:00:00.500Z", "state": "started", **changes}


async def send(web: Web, *reports: Any, pilot: PilotId | None = None, bearer: str | None = None) -> Answer:
    pilot = pilot or web.pilots[0]
    path = f"/api/v1/pilots/{pilot}/reports"
    bearer = web.pilot_token(pilot) if bearer is None else bearer
    return await web.call("POST", path, bearer=bearer, json={"reports": list(reports)})


async def kept(web: Web) -> list[PilotReport]:
    return [report for pilot in web.pilots for report in await web.store.reports(pilot)]


async def test_reports_are_kept_and_repeats_harmless(web: Web) -> None:
    sent = [one(host="node7", data={"cores": 8}), one(seq=1, state="heartbeat", novelty=True)]
    first = await send(web, *sent)
    assert (first.status, first.json) == (202, {"accepted": 2})
    assert (await send(web, *sent)).status == 202
    assert [(r.seq, r.state, r.host, r.data) for r in await kept(web)] == [
        (0, Report.STARTED, "node7", '{"cores":8}'),
        (1, Report.HEARTBEAT, "", "{}"),
    ]
    assert (await kept(web))[0].at == NOW + timedelta(milliseconds=500)


async def test_a_token_of_the_api_may_report_for_any_pilot(web: Web) -> None:
    bearer = await web.token(Scope.REPORT)
    assert (await send(web, one(), bearer=bearer)).status == 202
    assert (await send(web, one(), pilot=STRANGER, bearer=bearer)).status == 404
    assert (await send(web, one(seq=1), bearer=await web.token(Scope.READ))).status == 403
    assert len(await kept(web)) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"key": b"x" * 32}, 401),
        ({"expires_at": NOW}, 401),
        ({"factory": "other"}, 403),
        ({"pilot": STRANGER}, 403),
    ],
)
async def test_forged_expired_and_foreign_tokens(web: Web, changes: dict[str, Any], status: int) -> None:
    bearer = web.pilot_token(web.pilots[0], **changes)
    assert (await send(web, one(), bearer=bearer)).status == status
    assert await kept(web) == []


@pytest.mark.parametrize("bearer", ["", "nonsense", "a.b", "apf_x", "é.x"])
async def test_no_token_at_all(web: Web, bearer: str) -> None:
    assert (await send(web, one(), bearer=bearer)).status == 401
    assert await kept(web) == []


async def test_a_pilot_that_is_not_known(web: Web) -> None:
    assert (await send(web, one(), pilot=STRANGER)).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "asleep"},
        {"seq": -1},
        {"seq": 10**9},
        {"seq": "0"},
        {"at": "2026-03-01T12:00:00"},
        {"at": "9999-12-31T23:59:59-12:00"},
        {"data": []},
        {"data": {"much": "x" * 70_000}},
        {"host": "h" * 256},
    ],
)
async def test_what_has_the_wrong_shape_is_refused_as_a_whole(web: Web, changes: dict[str, Any]) -> None:
    answer = await send(web, one(), one(**{"seq": 1, **changes}))
    assert answer.status == 422
    assert await kept(web) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 422),
        (b'{"reports": []}', 422),
        (json.dumps({"reports": [one(seq=n) for n in range(101)]}).encode(), 422),
        (b'{"reports": [{"seq":0,"at":"2026-03-01T12:00:00Z","state":"fault","data":{"n":NaN}}]}', 422),
        (b"x" * (256 * 1024 + 1), 413),
    ],
)
async def test_bodies_that_are_none(web: Web, body: bytes, status: int) -> None:
    pilot = web.pilots[0]
    path = f"/api/v1/pilots/{pilot}/reports"
    answer = await web.call("POST", path, bearer=web.pilot_token(pilot), data=body)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await kept(web) == []


async def test_texts_are_data_and_nothing_else(web: Web) -> None:
    evil = '<script>alert(1)</script>\n"; DROP TABLE pilots'
    await send(web, one(message=evil, host=evil, data={evil: evil}))
    answer = await web.get(f"/api/v1/pilots/{web.pilots[0]}/reports")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["items"][0]["data"] == {evil: evil}


async def test_one_pilot_cannot_crowd_out_the_others(web: Web) -> None:
    statuses = [(await send(web, one(seq=n))).status for n in range(101)]
    assert statuses == [202] * 100 + [429]
    assert (await send(web, one(), pilot=web.pilots[1])).status == 202


async def test_the_route_that_is_described_takes_the_same_calls(web: Web) -> None:
    limiter = Limiter(web.clock, 1, 1)
    intake = Intake(web.store, web.clock)
    app = FastAPI()
    app.include_router(routes(ReportDesk(web.context, intake, limiter)))
    pilot, sent = web.pilots[0], []
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/api/v1/pilots/{pilot}/reports",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {web.pilot_token(pilot)}".encode())],
        "state": {"caller": Caller("127.0.0.1")},
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps({"reports": [one()]}).encode()}

    async def answered(message: Message) -> None:
        sent.append(message)

    async with intake.running():
        await app(scope, receive, answered)
    assert sent[0]["status"] == 202
    assert [each.seq for each in await kept(web)] == [0]


async def test_a_store_that_is_away_is_told_as_a_problem(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: object) -> frozenset[PilotId]:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(web.context.writing, "add_reports", away)
    answer = await send(web, one())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "disk" not in answer.json["detail"]


class SlowStore:
    """Keeps reports when it is told to."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def add_reports(self, reports: list[PilotReport]) -> frozenset[PilotId]:
        await self.go.wait()
        if self.error:
            raise self.error
        self.batches.append(len(reports))
        return frozenset({STRANGER})


class QuickClock:
    def now(self) -> Any:
        return NOW

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def report(pilot: PilotId, seq: int = 0) -> PilotReport:
    return PilotReport(pilot, seq, NOW, Report.HEARTBEAT, NOW)


async def test_what_arrives_meanwhile_is_kept_together() -> None:
    store = SlowStore()
    intake = Intake(store, QuickClock())  # type: ignore[arg-type]
    pilots = pilot_ids(800, NOW)
    async with intake.running():
        first = asyncio.create_task(intake.add([report(STRANGER)]))
        await asyncio.sleep(0.01)
        rest = [asyncio.create_task(intake.add([report(pilot)])) for pilot in pilots]
        await asyncio.sleep(0.01)
        store.go.set()
        assert await first is False
        assert all(await asyncio.gather(*rest))
    assert store.batches == [1, 500, 300]


async def test_what_waits_when_the_web_stops_is_kept_first() -> None:
    store = SlowStore()
    intake = Intake(store, QuickClock())  # type: ignore[arg-type]
    store.go.set()
    async with intake.running():
        waiting = asyncio.create_task(intake.add([report(pilot_ids(1)[0])]))
        await asyncio.sleep(0)
    assert await waiting


@pytest.mark.parametrize("error", [StoreUnavailable("locked"), RuntimeError("a mistake")])
async def test_a_store_that_fails_fails_those_who_wait_and_no_others(error: Exception) -> None:
    store = SlowStore()
    store.go.set()
    store.error = error
    intake = Intake(store, QuickClock())  # type: ignore[arg-type]
    async with intake.running():
        with pytest.raises(StoreUnavailable):
            await intake.add([report(pilot_ids(1)[0])])
        store.error = None
        assert await intake.add([report(pilot_ids(1)[0])])


async def test_a_store_that_is_too_slow_is_told_to_the_wrappers() -> None:
    store = SlowStore()
    intake = Intake(store, QuickClock())  # type: ignore[arg-type]
    pilot = pilot_ids(1)[0]
    adding = asyncio.create_task(intake.add([report(pilot, n) for n in range(MAX_WAITING)]))
    await asyncio.sleep(0)
    with pytest.raises(IntakeFull):
        await intake.add([report(pilot)])
    adding.cancel()
