"""Reading through the API: documents, pages, ETags, who may, how often."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from web_world import AGLT2, NOW, Web, serving_web

from autopyfactory.model import (
    ChannelRecord,
    EndCause,
    EndpointHealth,
    Notice,
    NoticeKind,
    NoticeLook,
    PilotReport,
    PilotState,
    Report,
    Scope,
    Severity,
    Transition,
)
from autopyfactory.testkit.store import a_cycle

SINCE = "2026-03-01T00:00:00Z"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


async def test_the_factory_as_a_whole(web: Web) -> None:
    await web.store.save_health([EndpointHealth("wms.board", None, "refused", NOW, 2)])
    factory = (await web.get("/api/v1/factory")).json
    assert (factory["id"], factory["queues"], factory["live"]["planned"]) == ("unit", 2, 3)
    assert factory["troubled"] == ["wms.board"]
    endpoints = {item["name"]: item for item in (await web.get("/api/v1/endpoints")).json["items"]}
    assert endpoints["wms.board"]["failures"] == 2
    assert endpoints["batch.local"]["ok_at"] is None


async def test_queues_with_their_numbers_in_pages(web: Web) -> None:
    first = (await web.get("/api/v1/queues?limit=1")).json
    assert [queue["name"] for queue in first["items"]] == ["AGLT2"]
    rest = (await web.get(f"/api/v1/queues?after={first['next']}")).json
    assert [queue["name"] for queue in rest["items"]] == ["ce.example.org:9619/condor"]
    assert rest["next"] is None
    queue = first["items"][0]
    assert queue["rules"] == ["ready", "max_pending"]
    assert queue["limits"] == {"max_per_factory": 500, "max_pilots": None, "interval_s": 120}
    assert queue["live"]["planned"] == 3
    assert queue["cycle"]["jobs"]["ready"] == 7


async def test_a_queue_with_a_slash_in_its_name(web: Web) -> None:
    name = quote("ce.example.org:9619/condor", safe="")
    assert (await web.get(f"/api/v1/queues/{name}")).json["cycle"] is None
    assert (await web.get(f"/api/v1/queues/{name}/cycles")).json == {"items": [], "next": None}
    assert (await web.get(f"/api/v1/queues/{name}/explain")).status == 404


async def test_cycles_in_pages_and_explained(web: Web) -> None:
    for n in range(1, 4):
        await web.store.plan(a_cycle(AGLT2, NOW + timedelta(minutes=n)), [], "local")
    page = (await web.get("/api/v1/queues/AGLT2/cycles?limit=3")).json
    rest = (await web.get(f"/api/v1/queues/AGLT2/cycles?limit=3&before={page['next']}")).json
    assert [cycle["at"][14:16] for cycle in page["items"] + rest["items"]] == ["03", "02", "01", "00"]
    oldest = rest["items"][0]
    explained = (await web.get(f"/api/v1/queues/AGLT2/explain?cycle={oldest['id']}")).json
    assert [step["rule"] for step in explained["steps"]] == ["ready", "max_per_cycle"]
    assert explained["inputs"][1] == {"endpoint": "batch.schedd", "age_s": None, "error": "never answered"}
    assert explained["submit"] == 3


async def test_samples_go_on_where_a_page_ends(web: Web) -> None:
    for n in range(1, 5):
        await web.store.plan(a_cycle(AGLT2, NOW + timedelta(minutes=n)), [], "local")
    seen, since = [], SINCE
    while since:
        page = (await web.get(f"/api/v1/samples?limit=2&since={quote(since)}")).json
        seen += [sample["at"] for sample in page["items"]]
        since = page["next"]
    assert len(seen) == len(set(seen)) == 5


async def test_a_pilot_with_its_life_and_reports(web: Web) -> None:
    pilot = web.pilots[0]
    await web.store.record([Transition(pilot, NOW, PilotState.PENDING, "taken", batch_id="1.0")])  # type: ignore[arg-type]
    said = PilotReport(pilot, 0, NOW, Report.STARTED, NOW, "node7", "<b>hello</b>", '{"cores":8}')
    await web.store.add_reports([said, replace(said, seq=1, state=Report.EXITING)])
    life = (await web.get(f"/api/v1/pilots/{pilot}")).json
    assert [change["after"] for change in life["transitions"]] == ["planned", "pending"]
    assert life["reports"][0]["data"] == {"cores": 8}
    assert life["logs"]["out"] == "/logs/2026-03-01/AGLT2/1.0.out"
    page = (await web.get(f"/api/v1/pilots/{pilot}/reports?limit=1")).json
    assert page["next"] == "0"
    rest = (await web.get(f"/api/v1/pilots/{pilot}/reports?after=0")).json
    assert [report["state"] for report in rest["items"]] == ["exiting"]
    assert len((await web.get(f"/api/v1/pilots/{pilot}/transitions")).json["items"]) == 2


async def test_pilots_are_filtered_and_paged(web: Web) -> None:
    await web.store.record([Transition(web.pilots[0], NOW, PilotState.RUNNING)])
    running = (await web.get("/api/v1/pilots?state=running&queue=AGLT2")).json
    assert [pilot["id"] for pilot in running["items"]] == [web.pilots[0]]
    page = (await web.get("/api/v1/pilots?limit=2")).json
    rest = (await web.get(f"/api/v1/pilots?limit=2&after={page['next']}")).json
    assert [pilot["id"] for pilot in page["items"] + rest["items"]] == web.pilots[::-1]
    assert (await web.get("/api/v1/pilots?state=asleep")).status == 422


async def test_endings_and_failures_in_groups(web: Web) -> None:
    for n, pilot in enumerate(web.pilots):
        end = Transition(pilot, NOW, PilotState.FAILED, host="bad" if n else "good", cause=EndCause.EXIT)
        await web.store.record([end])
    endings = (await web.get(f"/api/v1/endings?since={SINCE}")).json["items"]
    assert endings == [{"state": "failed", "cause": "exit", "empty": None, "pilots": 3}]
    hosts = (await web.get(f"/api/v1/failures?since={SINCE}&by=host")).json["items"]
    assert [(group["values"], group["pilots"]) for group in hosts] == [
        ({"host": "bad"}, 2),
        ({"host": "good"}, 1),
    ]


async def test_what_is_known_already_is_not_sent_again(web: Web) -> None:
    first = await web.get("/api/v1/queues")
    tag = first.headers["ETag"]
    again = await web.get("/api/v1/queues", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    await web.store.plan(a_cycle(AGLT2, NOW + timedelta(minutes=1)), [], "local")
    assert (await web.get("/api/v1/queues", headers={"If-None-Match": tag})).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/queues/NOWHERE", 404),
        ("/api/v1/queues/NOWHERE/cycles", 404),
        ("/api/v1/queues/AGLT2/explain?cycle=99", 404),
        ("/api/v1/pilots/01KDZJ5Q8R5V6M2W7X9Y0Z1A2B", 404),
        ("/api/v1/pilots/nobody", 422),
        ("/api/v1/pilots?limit=0", 422),
        ("/api/v1/pilots?since=yesterday", 422),
        ("/api/v1/samples?since=0001-01-01T00:00:00%2B14:00", 422),
        ("/nothing", 404),
    ],
)
async def test_refusals_are_problem_documents(web: Web, path: str, status: int) -> None:
    answer = await web.get(path)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Traceback" not in answer.body.decode()


async def test_every_answer_has_safe_headers(web: Web) -> None:
    for path in ("/api/v1/queues", "/nothing", "/robots.txt"):
        headers = (await web.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in headers


async def test_a_store_that_is_away_is_told_without_internals(web: Web, tmp_path: Path) -> None:
    (tmp_path / "apf.db").rename(tmp_path / "away.db")
    (tmp_path / "apf.db").mkdir()
    await web.context.reading.close()
    secret = await _refused(web)
    assert str(tmp_path) not in secret


async def _refused(web: Web) -> str:
    pilot = web.pilots[0]
    body = {"reports": [{"seq": 0, "at": "2026-03-01T12:00:00Z", "state": "started"}]}
    answer = await web.call(
        "POST", f"/api/v1/pilots/{pilot}/reports", bearer=web.pilot_token(pilot), json=body
    )
    assert answer.status == 503
    assert "Retry-After" in answer.headers
    return answer.body.decode()


async def test_closed_reads_need_a_token_or_a_network(tmp_path: Path) -> None:
    async with serving_web(tmp_path, reads="closed") as web:
        refused = await web.get("/api/v1/queues")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await web.get("/api/v1/queues", bearer=await web.token(Scope.REPORT))).status == 403
        assert (await web.get("/api/v1/queues", bearer=await web.token(Scope.READ))).status == 200
        assert (await web.get("/healthz")).status == 200
    (tmp_path / "apf.db").unlink()
    async with serving_web(tmp_path, reads="closed", networks=["127.0.0.0/8"]) as web:
        assert (await web.get("/api/v1/queues")).status == 200


async def test_bad_tokens_are_refused_even_where_none_is_needed(web: Web) -> None:
    passing = await web.token(Scope.READ, expires_at=NOW + timedelta(minutes=1))
    assert (await web.get("/api/v1/queues", bearer=passing)).status == 200
    web.clock.at += timedelta(minutes=1)
    assert (await web.get("/api/v1/queues", bearer=passing)).status == 401
    assert (await web.get("/api/v1/queues", bearer="apf_forged")).status == 401
    assert (await web.get("/api/v1/queues", headers={"Authorization": "Basic YTpi"})).status == 401


async def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with serving_web(tmp_path, requests_per_s=0.5, burst=2) as web:
        statuses = [(await web.get("/healthz")).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await web.get("/healthz")).headers["Retry-After"] == "2"
        assert (await web.get("/api/v1/queues", bearer=await web.token(Scope.READ))).status == 200
        web.clock.at += timedelta(seconds=2)
        assert (await web.get("/healthz")).status == 200


async def test_notices_as_the_factory_saw_them_last(web: Web) -> None:
    assert (await web.get("/api/v1/notices")).json == {"looked_at": None, "items": [], "channels": []}
    notice = Notice("store_trouble:store", NoticeKind.STORE_TROUBLE, "store", "full", NOW, Severity.CRITICAL)
    await web.context.writing.keep_look(
        NoticeLook(1, NOW, (notice,), {"ops": ChannelRecord("{}", "refused")})
    )
    assert (await web.get("/api/v1/notices")).json == {
        "looked_at": "2026-03-01T12:00:00Z",
        "items": [
            {
                "key": "store_trouble:store",
                "kind": "store_trouble",
                "severity": "critical",
                "scope": "store",
                "text": "full",
                "since": "2026-03-01T12:00:00Z",
            }
        ],
        "channels": [{"name": "ops", "trouble": "refused"}],
    }
