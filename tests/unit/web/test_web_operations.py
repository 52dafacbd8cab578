"""What operators ask for: who may, what is kept, and the trail of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from web_world import AGLT2, NOW, Web, serving_web

from autopyfactory.model import OverrideKind, PilotState, Scope, Transition

URL = "/api/v1/overrides/AGLT2"
RETIRE = "/api/v1/retire/AGLT2"
DRAIN = {"kind": "drained", "why": "disk"}
DOWNTIME = {"kind": "downtime", "until": "2026-03-01T13:00:00Z"}


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


async def test_drain_and_resume_leave_a_trail(web: Web) -> None:
    bearer = await web.token(Scope.OPERATE)
    answer = await web.call("PUT", URL, bearer=bearer, json=DRAIN)
    assert (answer.status, answer.json["by"], answer.json["why"]) == (200, "ann", "disk")
    kept = (await web.store.overrides())[AGLT2]
    assert kept.holds_back(NOW) == "drained by ann: disk"
    assert (await web.get("/api/v1/queues/AGLT2")).json["override"]["kind"] == "drained"
    assert (await web.call("DELETE", URL, bearer=bearer)).status == 204
    assert await web.store.overrides() == {}
    trail = (await web.get("/api/v1/audit?limit=2")).json
    assert [(e["who"], e["action"], e["target"], e["origin"]) for e in trail["items"]] == [
        ("ann", "resume", "AGLT2", "127.0.0.1"),
        ("ann", "drain", "AGLT2", "127.0.0.1"),
    ]
    rest = (await web.get(f"/api/v1/audit?before={trail['next']}")).json
    assert [entry["action"] for entry in rest["items"]] == ["token.create"]


async def test_a_downtime_ends_by_itself(web: Web) -> None:
    await web.call("PUT", URL, bearer=await web.token(Scope.OPERATE), json=DOWNTIME)
    assert [item["kind"] for item in (await web.get("/api/v1/overrides")).json["items"]] == ["downtime"]
    assert (await web.store.overrides())[AGLT2].kind is OverrideKind.DOWNTIME
    web.clock.at += timedelta(hours=1)
    assert (await web.get("/api/v1/overrides")).json["items"] == []
    assert (await web.get("/api/v1/queues/AGLT2")).json["override"] is None


async def test_a_queue_with_a_slash(web: Web) -> None:
    bearer = await web.token(Scope.OPERATE)
    path = "/api/v1/overrides/ce.example.org:9619%2Fcondor"
    assert (await web.call("PUT", path, bearer=bearer, json=DRAIN)).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "asleep"}, 422),
        ({"kind": "downtime"}, 422),
        ({**DRAIN, "until": "2026-03-01T13:00:00Z"}, 422),
        ({**DOWNTIME, "until": "2026-03-01T11:00:00Z"}, 422),
        ({**DOWNTIME, "until": "9999-12-31T23:59:59-12:00"}, 422),
        ({**DRAIN, "why": "x" * 501}, 422),
        ({**DRAIN, "wy": "x"}, 422),
    ],
)
async def test_wrong_wishes_change_nothing(web: Web, body: dict[str, Any], status: int) -> None:
    bearer = await web.token(Scope.OPERATE)
    assert (await web.call("PUT", URL, bearer=bearer, json=body)).status == status
    assert await web.store.overrides() == {}


async def test_who_may_not_changes_nothing(web: Web) -> None:
    assert (await web.call("PUT", URL, json=DRAIN)).status == 401
    reading = await web.token(Scope.READ, Scope.REPORT)
    assert (await web.call("PUT", URL, bearer=reading, json=DRAIN)).status == 403
    assert (await web.call("DELETE", URL, bearer=reading)).status == 403
    assert await web.store.overrides() == {}


async def test_bad_requests(web: Web) -> None:
    bearer = await web.token(Scope.OPERATE)
    assert (await web.call("PUT", URL, bearer=bearer, data=b"{")).status in (400, 422)
    assert (await web.call("PUT", URL, bearer=bearer, data=b"x" * 70_000)).status == 413
    assert (await web.call("PUT", "/api/v1/overrides/NOWHERE", bearer=bearer, json=DRAIN)).status == 404
    assert (await web.call("POST", URL, bearer=bearer, json=DRAIN)).status == 405


async def pending(web: Web) -> None:
    """Have the batch system take the pilots of `web`."""
    await web.store.record([Transition(pilot, NOW, PilotState.PENDING) for pilot in web.pilots])


async def test_pilots_to_remove_are_named_at_once_and_leave_a_trail(web: Web) -> None:
    await pending(web)
    bearer = await web.token(Scope.OPERATE)
    answer = await web.call("POST", RETIRE, bearer=bearer, json={"pilots": 2, "why": "disk"})
    newest = sorted(web.pilots, reverse=True)
    assert (answer.status, answer.json) == (202, {"pilots": newest[:2]})
    kept = await web.store.retirements()
    assert {(order.pilot, order.by, order.reason) for order in kept.values()} == {
        (pilot, "ann", "retired by ann: disk") for pilot in newest[:2]
    }
    assert (await web.call("POST", RETIRE, bearer=bearer, json={"pilots": 2})).json == {"pilots": newest[2:]}
    (last, first, _) = (await web.get("/api/v1/audit")).json["items"]
    assert [(e["action"], e["who"], e["detail"], e["origin"]) for e in (first, last)] == [
        ("retire", "ann", "2 of 2 waiting pilots: disk", "127.0.0.1"),
        ("retire", "ann", "1 of 2 waiting pilots", "127.0.0.1"),
    ]


async def test_pilots_that_run_are_removed_only_if_that_is_said(web: Web) -> None:
    await web.store.record([Transition(pilot, NOW, PilotState.RUNNING) for pilot in web.pilots])
    bearer = await web.token(Scope.OPERATE)
    assert (await web.call("POST", RETIRE, bearer=bearer, json={"pilots": 1})).json == {"pilots": []}
    answer = await web.call("POST", RETIRE, bearer=bearer, json={"pilots": 1, "running": True})
    assert answer.json == {"pilots": [max(web.pilots)]}


@pytest.mark.parametrize(
    "body", [{}, {"pilots": 0}, {"pilots": "all"}, {"pilots": 1, "why": "x" * 501}, {"n": 1}]
)
async def test_wrong_orders_remove_nothing(web: Web, body: dict[str, Any]) -> None:
    await pending(web)
    assert (await web.call("POST", RETIRE, bearer=await web.token(Scope.OPERATE), json=body)).status == 422
    assert await web.store.retirements() == {}


async def test_who_may_not_removes_nothing(web: Web) -> None:
    await pending(web)
    assert (await web.call("POST", RETIRE, json={"pilots": 1})).status == 401
    reading = await web.token(Scope.READ, Scope.REPORT)
    assert (await web.call("POST", RETIRE, bearer=reading, json={"pilots": 1})).status == 403
    bearer = await web.token(Scope.OPERATE)
    nowhere = await web.call("POST", "/api/v1/retire/NOWHERE", bearer=bearer, json={"pilots": 1})
    assert nowhere.status == 404
    assert await web.store.retirements() == {}
