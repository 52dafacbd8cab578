"""The dashboard's pages: what they show, that nothing in them can run, and who may see them."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from web_world import AGLT2, NOW, Answer, Web, serving_web

from autopyfactory.model import (
    BatchId,
    EndCause,
    EndpointHealth,
    Override,
    OverrideKind,
    PilotReport,
    PilotState,
    QueueName,
    Report,
    Scope,
    Transition,
)
from autopyfactory.testkit.desk_store import AUDIT
from autopyfactory.testkit.store import a_cycle

HTML = {"Accept": "text/html"}
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
PAGES = ("/", "/queues/AGLT2", "/pilots", "/hosts", "/failures", "/endpoints", "/login")


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


async def page(web: Web, path: str, **options: object) -> tuple[Answer, str]:
    answer = await web.get(path, headers=HTML, allow_redirects=False, **options)
    return answer, answer.body.decode()


def row(text: str, name: str) -> str:
    """Return the row of a table that begins with a name, without its tags."""
    found = next(part for part in text.split("<tr")[1:] if f">{name}</a>" in part)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.partition("</tr>")[0]))


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_a_whole_document(web: Web, path: str) -> None:
    answer, text = await page(web, path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert text.startswith("<!doctype html>")
    assert text.count("<h1") == 1
    assert "<style" not in text
    assert " style=" not in text
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", text))


async def test_the_overview_tells_each_queue(web: Web) -> None:
    await web.store.record([Transition(web.pilots[0], NOW, PilotState.RUNNING)])
    ended = Transition(web.pilots[1], NOW, PilotState.FAILED, cause=EndCause.EXIT, exit_code=1)
    await web.store.record([ended, replace(ended, pilot=web.pilots[2], state=PilotState.DONE, empty=True)])
    _, text = await page(web, "/")
    aglt2 = row(text, "AGLT2")
    assert "online 7 0 1 50 % 50 % 3 " in re.sub(r" +", " ", aglt2)
    assert "max_per_cycle" in aglt2
    assert "starting" in row(text, "ce.example.org:9619/condor")
    assert "no cycle yet" in row(text, "ce.example.org:9619/condor")


async def test_the_overview_is_sorted_filtered_and_paged_by_its_url(web: Web) -> None:
    def names(text: str) -> list[str]:
        return re.findall(r'data-label="Queue"><a href="[^"]+">([^<]+)</a>', text)

    both = ["AGLT2", "ce.example.org:9619/condor"]
    assert names((await page(web, "/"))[1]) == both
    assert names((await page(web, "/?sort=-queue"))[1]) == both[::-1]
    # what is not known comes last either way
    assert names((await page(web, "/?sort=ready"))[1]) == names((await page(web, "/?sort=-ready"))[1]) == both
    assert names((await page(web, "/?q=CONDOR"))[1]) == both[1:]
    assert names((await page(web, "/?state=online"))[1]) == both[:1]
    assert names((await page(web, "/?page=2"))[1]) == []
    assert "No queue matches" in (await page(web, "/?q=nowhere"))[1]
    for wrong in ("/?sort=asleep", "/?state=asleep", "/?window=9h", "/?page=0", "/?page=x"):
        assert (await page(web, wrong))[0].status == 422


async def test_what_holds_a_queue_back_is_its_state(web: Web) -> None:
    async def state() -> str:
        _, text = await page(web, "/")
        shown = re.search(r'data-label="State"[^>]*><span class="badge \w+">([^<]+)', text)
        assert shown is not None
        return shown[1]

    drained = Override(AGLT2, OverrideKind.DRAINED, "ann", NOW, "disk full")
    await web.store.set_override(AGLT2, drained, AUDIT)
    assert await state() == "drained"
    assert "drained by ann: disk full" in (await page(web, "/queues/AGLT2"))[1]
    await web.store.set_override(AGLT2, None, AUDIT)
    backing_off = EndpointHealth("queue.AGLT2", None, "no", NOW, 3, NOW + timedelta(minutes=5))
    await web.store.save_health([backing_off])
    assert await state() == "back-off"
    web.clock.at = NOW + timedelta(hours=1)
    assert await state() == "silent"


async def test_a_number_that_is_not_known_is_never_shown_as_zero(web: Web) -> None:
    cycle = a_cycle(AGLT2, NOW + timedelta(minutes=1))
    jobs = replace(cycle.state.jobs, ready=None)
    await web.store.plan(replace(cycle, state=replace(cycle.state, jobs=jobs)), [], "local")
    _, text = await page(web, "/")
    assert "unknown – 3 0" in row(text, "AGLT2")


async def test_a_queue_explains_its_decisions(web: Web) -> None:
    await web.store.plan(a_cycle(AGLT2, NOW + timedelta(minutes=1)), [], "local")
    _, text = await page(web, "/queues/AGLT2")
    assert text.count('<details class="decision"') == 2
    assert text.count(" open>") == 1
    for said in ("max_per_cycle", "never answered", "maximum = 25", "pilots of this factory", "500"):
        assert said in text
    assert 'data-chart="/charts/queue?queue=AGLT2&amp;window=24h"' in text
    assert "window=7d" in (await page(web, "/queues/AGLT2?window=7d"))[1]


async def test_a_queue_with_a_slash_in_its_name_has_a_page(web: Web) -> None:
    name = quote("ce.example.org:9619/condor", safe="")
    _, overview = await page(web, "/")
    assert f'href="/queues/{name}"' in overview
    answer, text = await page(web, f"/queues/{name}")
    assert answer.status == 200
    assert "No cycle yet" in text


async def test_a_pilot_with_its_life_payloads_and_node(web: Web) -> None:
    pilot = web.pilots[0]
    await web.store.record([Transition(pilot, NOW, PilotState.PENDING, "taken", batch_id=BatchId("1.0"))])
    told = PilotReport(pilot, 1, NOW, Report.VALIDATED, NOW, "node7", "2 validation steps")
    steps = '[{"step":"disk","ok":true,"required":true,"message":"9 GB"}]'
    valid = replace(told, data=f'{{"validation":{steps},"profile":{{"cpu":{{"cores":8}},"os":"Debian"}}}}')
    payload = replace(told, seq=2, state=Report.PAYLOAD, message="started")
    running = replace(payload, data='{"payload":"job 5","attempt":1,"status":"running"}')
    over = '{"payload":"job 5","attempt":1,"status":"finished","exit_code":0}'
    finished = replace(payload, seq=3, at=NOW + timedelta(minutes=3), message="well done", data=over)
    await web.store.add_reports([valid, running, finished])
    _, text = await page(web, f"/pilots/{pilot}")
    for said in ("taken", "9 GB", "cpu cores", "Debian", "well done", "3 min, well done"):
        assert said in text
    assert 'href="/logs/2026-03-01/AGLT2/1.0.out"' in text
    assert text.count('<span class="name">job 5') == 1  # told twice, and one payload
    assert "says the wrapper" in text


@pytest.mark.parametrize(
    "data",
    [
        {"validation": "left out: too large", "profile": "left out: too large", "payload": None},
        {"validation": [1, {}, {"step": [1], "ok": "yes"}], "profile": [{"a": [{}]}, 5]},
        {"validation": {"step": "x"}, "profile": {"x": True}, "payload": {"a": "b"}, "attempt": [1]},
        {"profile": json.loads(50 * '{"a":[' + "1" + 50 * "]}")},
    ],
)
async def test_whatever_a_wrapper_reports_its_pilot_has_a_page(web: Web, data: dict[str, object]) -> None:
    report = PilotReport(web.pilots[0], 1, NOW, Report.PAYLOAD, NOW, "node7", "", json.dumps(data))
    await web.store.add_reports([report])
    answer, _ = await page(web, f"/pilots/{web.pilots[0]}")
    assert answer.status == 200


async def test_hosts_with_the_black_hole_on_top(web: Web) -> None:
    for n, pilot in enumerate(web.pilots):
        end = Transition(pilot, NOW, PilotState.FAILED if n else PilotState.DONE, cause=EndCause.EXIT)
        await web.store.record([replace(end, host="bad" if n else "good", wall_s=3.0)])
    _, text = await page(web, "/hosts")
    assert text.index(">bad</a>") < text.index(">good</a>")
    assert "100 %" in row(text, "bad")
    assert "black hole" not in row(text, "bad")  # two pilots are not enough to say so
    _, failures = await page(web, "/failures?by=host&host=bad")
    assert "2" in row(failures, "bad")
    assert "good" not in failures


async def test_endpoints_with_ages_errors_and_back_off(web: Web) -> None:
    trouble = EndpointHealth(
        "wms.board", NOW - timedelta(hours=2), "refused", NOW, 4, NOW + timedelta(minutes=3)
    )
    await web.store.save_health([trouble, EndpointHealth("batch.local", NOW - timedelta(minutes=1))])
    _, text = await page(web, "/endpoints")
    for said in ("backs off", "2 h ago", "in 3 min", "refused", "1 min ago", "every 2 min"):
        assert said in text
    assert "1 in trouble" in (await page(web, "/"))[1]


async def test_html_in_any_text_is_shown_and_never_run(web: Web) -> None:
    pilot = web.pilots[0]
    await web.store.record(
        [Transition(pilot, NOW, PilotState.FAILED, EVIL, host=EVIL, cause=EndCause.EXIT, exit_code=1)]
    )
    step = {"step": EVIL, "ok": False, "required": True, "message": EVIL}
    data = json.dumps({"validation": [step], "profile": {EVIL: EVIL}})
    report = PilotReport(pilot, 1, NOW, Report.FAULT, NOW, EVIL, EVIL, data)
    paid = json.dumps({"payload": EVIL, "status": EVIL})
    payload = replace(report, seq=2, state=Report.PAYLOAD, data=paid)
    await web.store.add_reports([report, payload])
    await web.store.save_health([EndpointHealth("wms.board", None, EVIL, NOW, 1)])
    cycle = a_cycle(AGLT2, NOW + timedelta(minutes=1))
    decision = cycle.decision.under(EVIL).then(1, EVIL)
    await web.store.plan(replace(cycle, decision=decision, note=EVIL), [], "local")
    await web.store.set_override(AGLT2, Override(AGLT2, OverrideKind.DRAINED, EVIL, NOW, EVIL), AUDIT)
    evil_name = QueueName(EVIL)
    strange = replace(cycle, state=replace(cycle.state, name=evil_name), planned=1)
    await web.store.plan(strange, [type(pilot)("01KJKZZZZZ" + "0" * 16)], "local")
    paths = [*PAGES, f"/pilots/{pilot}", f"/queues/{quote(EVIL, safe='')}", f"/?q={quote(EVIL)}"]
    paths += [f"/failures?by={by}" for by in ("exit", "host", "queue")]
    paths += [f"/failures?host={quote(EVIL)}", f"/login?next={quote('/' + EVIL)}", f"/queues/no{quote(EVIL)}"]
    for path in paths:
        _, text = await page(web, path)
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
    assert "&lt;script&gt;" in (await page(web, f"/pilots/{pilot}"))[1]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/queues/NOWHERE", 404),
        ("/pilots/01KJM00000AAAAAAAAAAAAAAAA", 404),
        ("/pilots/short", 422),
        ("/static/0000/page.css", 404),
    ],
)
async def test_refusals_are_pages_for_browsers_and_documents_for_programs(
    web: Web, path: str, status: int
) -> None:
    answer, text = await page(web, path)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "To the overview" in text
    assert (await web.get(path)).json["status"] == status


async def test_the_api_answers_browsers_with_documents(web: Web) -> None:
    answer, _ = await page(web, "/api/v1/queues/NOWHERE")
    assert answer.json["status"] == 404


async def test_where_reads_are_closed_browsers_are_asked_to_sign_in(tmp_path: Path) -> None:
    async with serving_web(tmp_path, reads="closed") as web:
        for path in ("/", "/queues/AGLT2?window=7d", "/charts/queue?queue=AGLT2"):
            answer, _ = await page(web, path)
            assert (answer.status, answer.headers["location"]) == (303, f"/login?next={quote(path, safe='')}")
        assert (await page(web, "/login"))[0].status == 200
        assert (await web.get("/")).status == 401
        reading = await web.token(Scope.READ)
        assert (await page(web, "/", bearer=reading))[0].status == 200


async def test_files_are_kept_for_long_and_have_their_hash_in_the_url(web: Web) -> None:
    _, text = await page(web, "/queues/AGLT2")
    for name, kind in (
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        found = re.search(rf'"(/static/[0-9a-f]{{16}}/{re.escape(name)})"', text)
        assert found is not None
        answer = await web.get(found[1])
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
        known = await web.get(found[1], headers={"If-None-Match": answer.headers["etag"]})
        assert known.status == 304


async def test_the_chart_of_a_queue_is_a_specification(web: Web) -> None:
    light = (await web.get("/charts/queue?queue=AGLT2&window=1h")).json
    dark = (await web.get("/charts/queue?queue=AGLT2&window=1h&dark=true")).json
    assert "vega-lite" in light["$schema"]
    assert light["config"]["background"] != dark["config"]["background"]


async def test_pages_are_sent_zipped_to_those_who_take_it(web: Web) -> None:
    plain = await web.get("/", headers=HTML)
    zipped = await web.get("/", headers={**HTML, "Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert len(zipped.body) < len(plain.body) / 2
