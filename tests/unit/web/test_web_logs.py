"""Pilots' logs over HTTP: whole, in part, zipped; and nothing else of the machine."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_world import Web, serving_web

from autopyfactory.model import Scope
from autopyfactory.web.logs import following
from autopyfactory.web.logs.beneath import NotThere, open_file, steps
from autopyfactory.web.logs.ranges import Unsatisfiable, asked_for, tail

URL = "/logs/2026-03-01/AGLT2/1.0.out"
TEXT = b"".join(b"line %d\n" % n for n in range(2000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "logs/2026-03-01/AGLT2"
    folder.mkdir(parents=True)
    (folder / "1.0.out").write_bytes(TEXT)
    (folder / "1.0.err").write_bytes(b"<script>alert(1)</script>")
    (folder / "submit.jdl").write_text("secret")
    (tmp_path / "secret.out").write_text("secret")
    return folder


@pytest.fixture
async def web(tmp_path: Path, folder: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


async def test_a_whole_log(web: Web) -> None:
    answer = await web.get(URL)
    assert (answer.status, answer.body) == (200, TEXT)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(TEXT))
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        ("bytes=0-5", 206, TEXT[:6]),
        ("bytes=-6", 206, TEXT[-6:]),
        (f"bytes={len(TEXT) - 3}-", 206, TEXT[-3:]),
        (f"bytes=10-{10**9}", 206, TEXT[10:]),
        ("bytes=0-1,5-6", 200, TEXT),
        ("lines=1-2", 200, TEXT),
    ],
)
async def test_a_part_of_a_log(web: Web, header: str, status: int, body: bytes) -> None:
    answer = await web.get(URL, headers={"Range": header})
    assert (answer.status, answer.body) == (status, body)
    assert ("Content-Range" in answer.headers) == (status == 206)


async def test_a_part_beyond_the_end(web: Web) -> None:
    answer = await web.get(URL, headers={"Range": "bytes=999999-"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(TEXT)}"


async def test_the_tail_of_a_log_that_grows(web: Web, folder: Path) -> None:
    assert (await web.get(f"{URL}?tail=10")).body == TEXT[-10:]
    with (folder / "1.0.out").open("ab") as file:
        file.write(b"more")
    assert (await web.get(f"{URL}?tail=4")).body == b"more"
    assert len((await web.get(f"{URL}?tail=99999999")).body) == len(TEXT) + 4


@pytest.mark.parametrize("how", ["tail=7", "tail=100000", "follow=1", "follow=1&offset=1073741824"])
async def test_the_end_of_a_huge_log_is_read_without_the_rest(
    web: Web, folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SILENT_S", 5.0)
    with (folder / "2.0.log").open("wb") as file:
        file.truncate(2**30)
        file.seek(0, os.SEEK_END)
        file.write(b"the end")
    before = _bytes_read()
    answer = await web.get(f"/logs/2026-03-01/AGLT2/2.0.log?{how}")
    assert answer.body.endswith(b"the end")
    assert _bytes_read() - before < 2**20


def _bytes_read() -> int:
    """Return how many bytes this process, which is the server too, has read from anything."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])


async def test_zipped_on_the_way(web: Web) -> None:
    answer = await web.get(URL, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == TEXT
    assert len(answer.body) < len(TEXT) / 2


@pytest.mark.parametrize(
    "path",
    [
        "/logs/../secret.out",
        "/logs/..%2fsecret.out",
        "/logs/%2e%2e/secret.out",
        "/logs/2026-03-01/../../secret.out",
        "/logs//etc/passwd.out",
        "/logs/2026-03-01/AGLT2/submit.jdl",
        "/logs/2026-03-01/AGLT2",
        "/logs/2026-03-01/AGLT2/",
        "/logs/",
        "/logs/2026-03-01/AGLT2/1.0.out/x.out",
        "/logs/2026-03-01/AGLT2/.hidden.out",
        "/logs/2026-03-01/AGLT2/%00.out",
        "/logs/" + "a" * 300 + ".out",
    ],
)
async def test_nothing_else_is_served(web: Web, path: str) -> None:
    answer = await web.get(path)
    assert answer.status == 404
    assert b"secret" not in answer.body


async def test_links_are_not_followed(web: Web, folder: Path, tmp_path: Path) -> None:
    (folder / "link.out").symlink_to(tmp_path / "secret.out")
    (folder.parent / "queue").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.out")
    for path in ("AGLT2/link.out", "queue/secret.out", "AGLT2/pipe.out"):
        assert (await web.get(f"/logs/2026-03-01/{path}")).status == 404


async def test_an_index_where_it_is_wanted(tmp_path: Path, folder: Path) -> None:
    (folder / "<b>.out").write_text("")
    async with serving_web(tmp_path, log_index=True) as web:
        page = (await web.get("/logs/2026-03-01/AGLT2/")).body.decode()
        assert '<a href="1.0.out">1.0.out</a>' in page
        assert "&lt;b&gt;.out" in page
        assert "submit.jdl" not in page
        assert "AGLT2/" in (await web.get("/logs/2026-03-01/")).body.decode()


async def test_logs_by_token_alone_where_reads_are_closed(tmp_path: Path, folder: Path) -> None:
    async with serving_web(tmp_path, reads="closed") as web:
        assert (await web.get(URL)).status == 401
        assert (await web.get(URL, bearer=await web.token(Scope.READ))).status == 200
        assert b"Disallow: /" in (await web.get("/robots.txt")).body


async def test_no_logs_where_they_are_not_served(tmp_path: Path, folder: Path) -> None:
    async with serving_web(tmp_path, logs=False) as web:
        assert (await web.get(URL)).status == 404


PIECES = st.one_of(st.sampled_from(["..", ".", "", "link", "a", "b.out", "secret.out", "/", "\0"]), st.text())


@given(st.lists(PIECES, max_size=6))
def test_no_path_leads_out(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    root = _root(tmp_path_factory)
    try:
        descriptor = open_file(root / "logs", steps("/".join(pieces)))
    except NotThere:
        return
    try:
        real = Path(f"/proc/self/fd/{descriptor}").resolve()
    finally:
        os.close(descriptor)
    assert real.is_relative_to(root / "logs")


def _root(factory: pytest.TempPathFactory) -> Path:
    root = factory.getbasetemp() / "climbing"
    if not root.exists():
        (root / "logs/a").mkdir(parents=True)
        (root / "secret.out").write_text("secret")
        (root / "logs/a/b.out").write_text("seen")
        (root / "logs/link").symlink_to(root)
    return root.resolve()


@given(st.text(max_size=30), st.integers(0, 10**6))
def test_a_range_lies_within_the_file(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            span = asked_for(text, size)
        except Unsatisfiable:
            continue
        assert span is None or 0 <= span.start < span.end <= size


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_tail_is_the_end_of_the_file(wanted: int, size: int) -> None:
    span = tail(wanted, size)
    assert span.end == size
    assert span.size == min(wanted, size)


async def test_a_name_with_odd_characters(web: Web, folder: Path) -> None:
    (folder / "größe 1#2.out").write_text("odd")
    assert (await web.get(f"/logs/2026-03-01/AGLT2/{quote('größe 1#2.out')}")).body == b"odd"
