from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autopyfactory.api import Context, SystemClock, WmsUnavailable
from autopyfactory.model import FactoryId, JobCounts, SiteStatus
from autopyfactory.wms.board import NUMBER_OF_STATUS, BoardStatus, parse_statistics
from autopyfactory.wms.http import PandaHttp


@asynccontextmanager
async def answering(body: str | bytes, status: int = 200) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Give the URL of a server that answers this to everything, and what it was asked."""

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(body=body, status=status, headers={"Location": "/elsewhere"})

    seen: list[web.Request] = []
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(url: str, token: str | None = None) -> AsyncIterator[BoardStatus]:
    settings = BoardStatus.Settings.model_validate({"url": url + "/", "token": token})
    plugin = BoardStatus(settings, Context(FactoryId("f"), "board", Path("unused"), SystemClock()))
    yield plugin
    await plugin.close()


def test_the_statuses_of_panda() -> None:
    data = {"BNL": {status: 10**n for n, status in enumerate(NUMBER_OF_STATUS)}}
    assert parse_statistics(data) == {
        "BNL": JobCounts(
            notready=11111, ready=100000, running=11111000000, done=100000000000, failed=11000000000000
        )
    }


def test_an_answer_of_panda_counts_active_jobs_alone() -> None:
    assert parse_statistics({"TEST_UCORE": {"activated": 40, "running": 10, "assigned": 0}}) == {
        "TEST_UCORE": JobCounts(notready=0, ready=40, running=10, done=None, failed=None)
    }


def test_strange_statuses_are_passed_over() -> None:
    (counts,) = parse_statistics({"Q": {"activated": 1, "meditating": 5}}).values()
    assert counts.ready == 1


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {"Q": None},
        {"Q": []},
        {"Q": 3},
        {"Q": {"activated": -1}},
        {"Q": {"activated": 1.0}},
        {"Q": {"activated": float("nan")}},
        {"Q": {"activated": "1"}},
        {"Q": {"activated": True}},
        {"Q": {"activated": None}},
        {"Q": {"activated": 1}, "R": {"meditating": -1}},
    ],
)
def test_anything_else_is_no_answer(data: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_statistics(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(data=JSON)
def test_numbers_are_never_negative_nor_made_up(data: Any) -> None:
    try:
        found = parse_statistics(data)
    except ValueError:
        return
    for queue, counts in found.items():
        numbers = [counts.notready, counts.ready, counts.running, counts.done, counts.failed]
        assert all(n is None or n >= 0 for n in numbers)
        assert sum(n or 0 for n in numbers) <= sum(data[queue].values())


@pytest.mark.parametrize(
    ("body", "status", "cause"),
    [
        ("", 200, "not JSON"),
        ("It works!", 200, "not JSON"),
        ("{'success': True, 'data': {}}", 200, "not JSON"),
        (b"\xff\xfe", 200, "not JSON"),
        ("[" * 100_000, 200, "not JSON"),
        ("[]", 200, "expected"),
        ("{}", 200, "expected"),
        ('{"success": "true", "message": "", "data": {}}', 200, "expected"),
        ('{"success": true, "message": ""}', 200, "expected"),
        ('{"success": false, "message": "Database failure", "data": {}}', 200, "Database failure"),
        ('{"success": false, "message": null, "data": {}}', 200, "success: false"),
        ('{"success": true, "message": "", "data": null}', 200, "an object of sites"),
        ('{"success": true, "message": "", "data": {}}', 500, "HTTP 500"),
        ('{"success": true, "message": "", "data": {}}', 302, "HTTP 302"),
        (
            '{"success": true, "message": "", "data": {"Q": {"activated": -3}}}',
            200,
            "'activated' jobs, got -3",
        ),
    ],
)
async def test_a_bad_answer_tells_url_and_cause(body: str | bytes, status: int, cause: str) -> None:
    async with answering(body, status) as (url, _), asking(url) as plugin:
        for call in (plugin.counts, plugin.site_status):
            with pytest.raises(WmsUnavailable) as caught:
                await call()
            assert cause in str(caught.value)
            assert "/api/v1/statistics/active_job_stats_by_site: " in str(caught.value)
            assert len(str(caught.value)) < 1000


async def test_an_endless_answer_is_given_up() -> None:
    async with answering(" " * 5000) as (url, _):
        http = PandaHttp(url, max_bytes=1000)
        with pytest.raises(WmsUnavailable, match="larger than 1000 bytes"):
            await http.get("statistics/active_job_stats_by_site")
        await http.close()


async def test_no_jobs_is_a_good_answer() -> None:
    async with answering('{"success": true, "message": "", "data": {}}') as (url, _), asking(url) as plugin:
        assert await plugin.counts() == {}
        assert await plugin.site_status() == {}


async def test_every_queue_with_jobs_is_online_and_the_token_is_sent() -> None:
    answer = '{"success": true, "data": {"Q": {"activated": 1}}}'
    async with answering(answer) as (url, seen), asking(url, "sesame") as plugin:
        assert await plugin.site_status() == {"Q": SiteStatus.ONLINE}
        (request,) = seen
        assert request.headers["Authorization"] == "Bearer sesame"
        assert request.headers["Accept"] == "application/json"
        assert request.path == "/api/v1/statistics/active_job_stats_by_site"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "board",
        "ftp://host",
        "http://",
        "http://user:secret@host",
        "http://host/?a=b",
        "http://host:99999",
    ],
)
def test_urls_that_cannot_be(url: str) -> None:
    with pytest.raises(ValidationError):
        BoardStatus.Settings(url=url)
