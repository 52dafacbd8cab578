"""What operators ask for: who may, what is kept, and the trail of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from web_world import AGLT2, NOW, Web, serving_web

from autopyfactory.model import OverrideKind, Scope

URL = "/api/v1/overrides/AGLT2"
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
