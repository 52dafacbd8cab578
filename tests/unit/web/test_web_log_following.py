"""Logs that are sent while they grow."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from web_world import Web, serving_web

from autopyfactory.web.logs import following

URL = "/logs/2026-03-01/AGLT2/1.0.out"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "logs/2026-03-01/AGLT2"
    folder.mkdir(parents=True)
    log = folder / "1.0.out"
    log.write_bytes(b"first\n")
    return log


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a log be silent after a few looks at it."""
    monkeypatch.setattr(following, "SILENT_S", 5.0)


async def test_what_is_added_is_sent_until_nothing_is_any_more(web: Web, log: Path) -> None:
    async with web.session.get(f"{web.url}{URL}?follow=1") as reply:
        assert (reply.status, reply.headers["X-Log-Offset"]) == (200, "0")
        assert await _line(reply) == b"first\n"
        for n in range(3):
            with log.open("ab") as file:
                file.write(b"line %d\n" % n)
            assert await _line(reply) == b"line %d\n" % n
        assert await asyncio.wait_for(reply.content.read(), 30) == b""


async def _line(reply: aiohttp.ClientResponse) -> bytes:
    return await asyncio.wait_for(reply.content.readline(), 30)


@pytest.mark.parametrize(
    ("how", "start", "body"),
    [
        ("offset=2", "2", b"rst\n"),
        ("tail=3", "3", b"st\n"),
        ("offset=6", "6", b""),
        ("tail=3&offset=0", "0", b"first\n"),
    ],
)
@pytest.mark.usefixtures("soon_silent")
async def test_where_it_begins(web: Web, log: Path, how: str, start: str, body: bytes) -> None:
    answer = await web.get(f"{URL}?follow=1&{how}")
    assert (answer.headers["X-Log-Offset"], answer.body) == (start, body)


async def test_beyond_the_end_there_is_nothing_to_follow(web: Web, log: Path) -> None:
    answer = await web.get(f"{URL}?follow=1&offset=7")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */6")
    assert (await web.get(f"{URL}?follow=1&offset=-1")).status == 422


async def test_a_log_that_is_cut_short_is_not_followed_any_further(web: Web, log: Path) -> None:
    async with web.session.get(f"{web.url}{URL}?follow=1") as reply:
        assert await _line(reply) == b"first\n"
        log.write_bytes(b"")
        assert await asyncio.wait_for(reply.content.read(), 30) == b""


@pytest.mark.usefixtures("soon_silent")
async def test_a_large_log_arrives_whole(web: Web, log: Path) -> None:
    content = bytes(range(256)) * 4096 * 3
    log.write_bytes(content)
    assert (await web.get(f"{URL}?follow=1&offset=0")).body == content


async def test_no_more_follow_than_there_may_be(web: Web, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_FOLLOWERS", 1)
    monkeypatch.setattr(following, "SILENT_S", 1e9)
    monkeypatch.setattr(following, "LONGEST_S", 1e9)
    async with web.session.get(f"{web.url}{URL}?follow=1") as reply:
        assert await _line(reply) == b"first\n"
        refused = await web.get(f"{URL}?follow=1")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
    # whoever goes away makes room
    monkeypatch.setattr(following, "SILENT_S", 1.0)
    async with asyncio.timeout(30):
        while (await web.get(f"{URL}?follow=1")).status == 503:
            await asyncio.sleep(0.05)


async def test_it_is_over_after_a_time_in_any_case(
    web: Web, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SILENT_S", 1e9)
    monkeypatch.setattr(following, "LONGEST_S", 3.0)
    assert (await web.get(f"{URL}?follow=1")).body == b"first\n"


async def test_reads_that_are_closed_are_closed_here_too(tmp_path: Path, log: Path) -> None:
    async with serving_web(tmp_path, reads="closed") as web:
        assert (await web.get(f"{URL}?follow=1")).status == 401
