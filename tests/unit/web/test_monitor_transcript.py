"""Each call of the monitors' protocol, as the bytes that clients in the field send."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from web_world import NOW, Web, serving_web

from autopyfactory.web.monitor.running import upkeep

FORM = "application/x-www-form-urlencoded"
HTML = '<script>alert("x")</script>'


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path, requests_per_s=1, burst=20) as web:
        yield web


async def raw(
    web: Web, method: str, path: str, body: str = "", kind: str = FORM, *, length: int | None = None
) -> tuple[int, str, str]:
    """Send a request as curl does; return status, content type and body.

    ``length`` is what is said of the body's, if it is not that.
    """
    host, _, port = web.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: curl/7.29.0\r\nAccept: */*\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {length or len(body.encode())}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    top, _, content = answer.partition("\r\n\r\n")
    first, *headers = top.split("\r\n")
    kinds = [line.partition(": ")[2] for line in headers if line.lower().startswith("content-type")]
    return int(first.split()[1]), (kinds or [""])[0], content


async def read(web: Web, path: str) -> Any:
    status, kind, content = await raw(web, "GET", path)
    assert (status, kind) == (200, "application/json")
    return json.loads(content)


async def announced(web: Web, *cids: str) -> None:
    """Announce a factory, a label and pilots, as APF 2 does: JSON under the content type of a form."""
    await raw(web, "PUT", "/api/factories/bnl", '{"url": "http://l", "email": "e", "version": "2.4"}')
    await raw(web, "PUT", "/api/labels", '[{"name": "AGLT2", "factory": "bnl"}]')
    jobs = [{"cid": cid, "factory": "bnl", "label": "AGLT2"} for cid in cids]
    if cids:
        assert (await raw(web, "PUT", "/api/jobs", json.dumps(jobs)))[0] == 201


async def test_factories(web: Web) -> None:
    card = '{"version": "2.4.12", "email": "ops@example.org", "url": "http://logs.example.org"}'
    assert await read(web, "/api/factories") == []
    assert (await raw(web, "GET", "/api/factories/bnl-gridui11"))[0] == 404
    assert (await raw(web, "PUT", "/api/factories/bnl-gridui11", card))[0] == 201
    assert (await raw(web, "PUT", "/api/factories/bnl-gridui11", card))[0] == 200
    wanted = {
        "name": "bnl-gridui11",
        "url": "http://logs.example.org",
        "email": "ops@example.org",
        "version": "2.4.12",
        "factory_type": "",
        "ip": "127.0.0.1",
        "active": True,
        "last_startup": "2026-03-01T12:00:00Z",
        "last_modified": "2026-03-01T12:00:00Z",
        "last_cycle": 0,
        "last_ncreated": 0,
    }
    assert await read(web, "/api/factories/bnl-gridui11") == wanted
    assert await read(web, "/api/factories") == [wanted]
    harvester = card.replace("}", ', "type": "Harvester"}')
    assert (await raw(web, "PUT", "/api/factories/cern", harvester, "application/json"))[0] == 201
    assert (await read(web, "/api/factories/cern"))["factory_type"] == "Harvester"
    web.clock.at = NOW + timedelta(days=11)
    assert (await read(web, "/api/factories/cern"))["active"] is False


async def test_labels(web: Web) -> None:
    await announced(web)
    label = {
        "name": "BNL_PROD", "factory": "bnl", "batchqueue": "b", "wmsqueue": "w", "resource": "ce/x",
        "localqueue": "q",
    }  # fmt: skip
    others = [{"name": f"L{n:02}", "factory": "bnl"} for n in range(60)]
    foreign = {"name": "X", "factory": "nobody"}
    status, _, content = await raw(web, "PUT", "/api/labels", json.dumps([label, *others, foreign]))
    assert (status, content) == (201, "Created 61/62 labels, 0 updated")
    status, _, content = await raw(web, "PUT", "/api/labels", json.dumps([label]), "application/json")
    assert (status, content) == (201, "Created 0/1 labels, 1 updated")
    assert len(await read(web, "/api/labels?factory=bnl")) == 50
    assert len(await read(web, "/api/labels?factory=bnl&limit=0")) == 62
    page = await read(web, "/api/labels?factory=bnl&offset=1&limit=1")
    assert page == [
        {
            "name": "BNL_PROD", "factory": "bnl", "ncreated": 0, "nrunning": 0, "nexiting": 0, "ndone": 0,
            "nfault": 0, "mortality": 0, "msg": "", "created": "2026-03-01T12:00:00Z",
            "last_modified": "2026-03-01T12:00:00Z", "resource": "ce/x", "localqueue": "q",
            "batchqueue": "b", "wmsqueue": "w",
        }
    ]  # fmt: skip
    assert await read(web, "/api/labels?factory=nobody") == []


async def test_the_status_of_a_label(web: Web) -> None:
    await announced(web)
    trace = "Ready:in=0,activated=100,offset=4,pending=10,ret=86;Scale:in=86,factor=0.5,ret=43"
    form = urlencode({"status": trace})
    assert (await raw(web, "POST", "/api/labels/bnl:AGLT2", form))[0] == 200
    assert (await read(web, "/api/labels/bnl:AGLT2"))["msg"] == trace
    for n in range(5):
        text = HTML if n == 3 else "é" * 2000 if n == 4 else f"n={n}"
        body = json.dumps({"status": text, "data": {"running": n}})
        assert (await raw(web, "POST", "/api/labels/bnl:AGLT2", body, "application/json"))[0] == 200
    label = await read(web, "/api/labels/bnl:AGLT2")
    assert [message["text"] for message in label["messages"]] == ["n=0", "n=1", "n=2", HTML, "é" * 1024]
    assert label["data"] == {"running": 4}
    assert (await raw(web, "POST", "/api/labels/bnl:NOWHERE", "status=x"))[0] == 404
    assert (await raw(web, "GET", "/api/labels/bnl:NOWHERE"))[0] == 404
    assert (await raw(web, "POST", "/api/labels/bnl:AGLT2", "stat=x"))[0] == 400
    # a status= that is sent as JSON by a client that says it is a form
    assert (await raw(web, "POST", "/api/labels/bnl:AGLT2", '{"status": "s"}'))[0] == 200


async def test_jobs_are_created_and_those_of_unknown_labels_are_not(web: Web) -> None:
    await announced(web)
    jobs = [
        {
            "cid": "7.0",
            "factory": "bnl",
            "label": "AGLT2",
            "workerid": 7,
            "computingsite": "S",
            "stdout": None,
        },
        {"cid": "7.1", "factory": "bnl", "label": "NOWHERE"},
        {"cid": 8, "factory": "bnl", "label": "AGLT2", "joblog": HTML},
    ]
    status, kind, content = await raw(web, "PUT", "/api/jobs", json.dumps(jobs))
    assert (status, content) == (201, "Created 2/3 jobs, 1 not created")
    assert kind.startswith("text/plain")
    status, _, content = await raw(web, "PUT", "/api/jobs", json.dumps(jobs[:1]), "application/json")
    assert (status, content) == (201, "Created 0/1 jobs, 0 not created")
    assert (await raw(web, "GET", "/api/jobs/bnl:7.1"))[0] == 404
    found = await read(web, "/api/jobs/bnl:8")
    assert found == {
        "jid": "bnl:8", "cid": "8", "factory": "bnl", "label": "AGLT2", "state": "created",
        "created": "2026-03-01T12:00:00Z", "last_modified": "2026-03-01T12:00:00Z", "result": None,
        "flag": False, "wrapper": "", "ids": "", "workerid": "", "computingsite": "", "computingelement": "",
        "stdout": "", "stderr": "", "joblog": HTML, "messages": [],
    }  # fmt: skip
    assert (await read(web, "/api/jobs/bnl:7.0"))["workerid"] == "7"
    assert (await read(web, "/api/factories/bnl"))["last_ncreated"] == 0


async def test_the_life_of_a_pilot_as_old_wrappers_tell_it(web: Web) -> None:
    await announced(web, "7.0")
    url = "/api/jobs/bnl:7.0"
    for body, status in [
        ("state=exiting&rc=0", 400),
        ("state=done", 400),
        ("state=running&wrapper=0.9.9", 200),
        ("state=running&wrapper=0.9.9", 400),
        ("state=exiting", 400),
        ("state=exiting&rc=many", 400),
        ("state=exiting&rc=0&ids=1%2C2", 200),
        ("state=done", 200),
        ("state=sleeping", 400),
        ("", 400),
        ("state=fault", 200),
        ("state=fault", 400),
        ("state=running", 400),
    ]:
        got, _, content = await raw(web, "POST", url, body)
        assert got == status, (body, content)
        if got == 200:
            assert content == web.url + url
    job = await read(web, url)
    assert (job["state"], job["result"], job["wrapper"], job["ids"]) == ("fault", 0, "0.9.9", "1,2")
    assert [message["text"] for message in job["messages"]] == [
        "created->running", "running->exiting, rc=0", "exiting->done", "done->fault",
    ]  # fmt: skip
    assert (await raw(web, "POST", "/api/jobs/bnl:9.9", "state=running"))[0] == 404
    assert (await raw(web, "POST", "/api/jobs/nonsense", "state=running"))[0] == 404


async def test_the_life_of_a_pilot_as_newer_wrappers_tell_it(web: Web) -> None:
    await announced(web, "7.0", "7.1")
    common = "uuid=u&qarg=AGLT2&wrapper=20260101a&gtag=http%3A%2F%2Fo&resource=ce.example.org&hid=h&hwid=42"
    for body in (
        f"state=wrapperrunning&{common}",
        f"state=wrapperrunning&{common}",
        "state=wrapperexiting&rc=-9&uuid=u&duration=10&ids=",
    ):
        assert (await raw(web, "POST", "/api/jobs/bnl:7.0", body))[0] == 200
    job = await read(web, "/api/jobs/bnl:7.0")
    assert (job["state"], job["result"], job["wrapper"]) == ("exiting", -9, "20260101a")
    assert (job["workerid"], job["computingsite"]) == ("42", "AGLT2")
    assert (job["computingelement"], job["stdout"]) == ("ce.example.org", "http://o")
    assert (await raw(web, "POST", "/api/jobs/bnl:7.1", "state=wrapperfault&rc=64&uuid=u"))[0] == 200
    assert (await raw(web, "POST", "/api/jobs/bnl:7.1", "state=wrapperrunning&uuid=u"))[0] == 400
    assert [job["cid"] for job in await read(web, "/api/jobs?factory=bnl&label=AGLT2&state=fault")] == ["7.1"]
    label = (await read(web, "/api/labels?factory=bnl"))[0]
    assert (label["nexiting"], label["nfault"], label["mortality"]) == (1, 1, 100)


async def test_jobs_in_pages(web: Web) -> None:
    await announced(web, *(f"{n}.0" for n in range(60)))
    assert len(await read(web, "/api/jobs")) == 50
    assert len(await read(web, "/api/jobs?limit=0")) == 60
    assert len(await read(web, "/api/jobs?offset=55")) == 5
    assert len(await read(web, "/api/jobs?offset=10&limit=3&state=created")) == 3
    assert (await raw(web, "GET", "/api/jobs?state=asleep"))[0] == 400
    assert (await raw(web, "GET", "/api/jobs?offset=-1"))[0] == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/factories/bnl", "[]"),
        ("PUT", "/api/factories/bnl", '{"email": {"a": 1}}'),
        ("PUT", "/api/factories/a:b", "{}"),
        ("PUT", "/api/labels", "{}"),
        ("PUT", "/api/labels", '[{"name": "x"}]'),
        ("PUT", "/api/labels", '[{"name": "x\\u0000", "factory": "bnl"}]'),
        ("PUT", "/api/labels", '[{"name": "\\ud800", "factory": "bnl"}]'),
        ("PUT", "/api/jobs", "not json"),
        ("PUT", "/api/jobs", '[{"cid": "1.0", "factory": "bnl"}]'),
        ("PUT", "/api/jobs", json.dumps([{"cid": "x" * 300, "factory": "bnl", "label": "AGLT2"}])),
        ("POST", "/api/labels/bnl:AGLT2", '{"status": ""}'),
        ("POST", "/api/labels/bnl:AGLT2", json.dumps({"status": "s", "data": "x" * 20_000})),
        ("POST", "/api/jobs/bnl:1.0", "&".join(f"a{n}=1" for n in range(200))),
        ("POST", "/api/jobs/bnl:1.0", '{"state": "running"'),
    ],
)
async def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    web: Web, method: str, path: str, body: str
) -> None:
    await announced(web)
    status, kind, content = await raw(web, method, path, body)
    assert status == 400
    assert kind.startswith("text/plain")
    assert content.startswith("Invalid data")
    assert len(await read(web, "/api/labels?limit=0")) == 1
    assert await read(web, "/api/jobs") == []
    assert (await read(web, "/api/labels/bnl:AGLT2"))["messages"] == []


async def test_bodies_have_a_bound(web: Web) -> None:
    assert (await raw(web, "PUT", "/api/jobs", "[", length=9 * 1024 * 1024))[0] == 413


async def test_html_is_kept_as_it_is_and_sent_as_data_only(web: Web) -> None:
    card = json.dumps({"url": HTML, "email": HTML, "version": HTML, "type": HTML})
    await raw(web, "PUT", "/api/factories/%3Cb%3E", card)
    await raw(web, "PUT", "/api/labels", json.dumps([{"name": HTML, "factory": "<b>", "resource": HTML}]))
    answer = await web.get("/api/factories")
    assert answer.json[0]["email"] == HTML
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await read(web, "/api/labels"))[0]["resource"] == HTML
    _, kind, _ = await raw(web, "GET", "/api/jobs/%3Cscript%3E:1")
    assert kind.startswith("text/plain")


async def test_others_may_not_write_nor_read_where_reading_is_closed(tmp_path: Path) -> None:
    async with serving_web(tmp_path, monitor_networks=["192.0.2.0/24"], reads="closed") as web:
        assert (await raw(web, "PUT", "/api/factories/bnl", "{}"))[0] == 403
        assert (await raw(web, "POST", "/api/jobs/bnl:1.0", "state=running"))[0] == 403
        assert (await raw(web, "DELETE", "/api/factories/bnl"))[0] == 403
        assert (await raw(web, "GET", "/api/factories"))[0] == 401


async def test_those_who_may_write_may_read(tmp_path: Path) -> None:
    async with serving_web(tmp_path, monitor_networks=["127.0.0.1/32"], reads="closed") as web:
        assert (await raw(web, "PUT", "/api/factories/bnl", "{}"))[0] == 201
        assert (await raw(web, "GET", "/api/factories"))[0] == 200


async def test_writers_share_addresses_so_they_are_not_counted(web: Web) -> None:
    await announced(web, *(f"{n}.0" for n in range(40)))
    told = [await raw(web, "POST", f"/api/jobs/bnl:{n}.0", "state=running") for n in range(40)]
    assert {status for status, _, _ in told} == {200}


async def test_silence_is_noticed(web: Web) -> None:
    await announced(web, "1.0", "2.0")
    await raw(web, "POST", "/api/jobs/bnl:2.0", "state=running")
    web.clock.at = NOW + timedelta(hours=6)
    store = web.context.writing
    await upkeep(store, web.clock, timedelta(days=30))
    assert (await read(web, "/api/jobs/bnl:1.0"))["flag"] is True
    web.clock.at = NOW + timedelta(hours=30)
    await upkeep(store, web.clock, timedelta(days=30))
    job = await read(web, "/api/jobs/bnl:1.0")
    assert (job["state"], job["messages"][-1]["ip"]) == ("fault", "monitor")
    assert (await read(web, "/api/jobs/bnl:2.0"))["state"] == "running"
    web.clock.at = NOW + timedelta(days=40)
    await upkeep(store, web.clock, timedelta(days=30))
    assert (await raw(web, "GET", "/api/jobs/bnl:1.0"))[0] == 404
