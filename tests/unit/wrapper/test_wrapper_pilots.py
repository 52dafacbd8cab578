"""The source ``pilot``: fetched, checked, unpacked and run; and the lookup table that chooses it."""

import functools
import hashlib
import io
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pilot_process import run_wrapper

from autopyfactory.wrapper.errors import BadPayload, UsageError
from autopyfactory.wrapper.lookup import look_up, rows_of
from autopyfactory.wrapper.sources.unpack import unpack
from autopyfactory.wrapper.sources.versions import choose, read_versions

A, B = "a" * 64, "b" * 64
PILOT = b"""
import os, sys
import helper
tokens = [os.environ.get(name) for name in ("PANDA_AUTH_TOKEN", "APF_PILOT_TOKEN")]
print("pilot got", sys.argv[1:], helper.WORD, *tokens)
sys.exit(int(sys.argv[-1]))
"""


def tarball(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> str:
    """Write a tarball; return its checksum."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a directory; give it and its URL."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def work_in(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    return work


SOURCE = ("--wrapperplugin", "pilot", "--patience", "0")


def test_a_tarball_is_fetched_and_run(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    sha = tarball(folder / "pilot3.tar.gz", {"pilot3/pilot.py": PILOT, "pilot3/helper.py": b"WORD = 'hey'"})
    token = tmp_path / "token"
    token.write_text("t")
    work = work_in(tmp_path)
    code, output = run_wrapper(
        work, *SOURCE, "--wrapperpilotcode", f"pilot3.tar.gz#sha256={sha}",
        "--wrapperpilotcodeurl", f"http://127.0.0.1:1/pilots,{url}/absent,{url}", "-q", "QUEUE", "-j", "0",
        PANDA_AUTH_TOKEN=str(token), APF_PILOT_TOKEN="secret",
    )  # fmt: skip
    assert code == 0, output
    assert f"pilot got ['-q', 'QUEUE', '-j', '0'] hey {token} None" in output
    assert list(work.iterdir()) == [], "what was fetched is removed too"


def test_the_exit_code_is_the_pilot_s(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    script = b"#!/bin/sh\necho script; exit 64\n"
    (folder / "run").write_bytes(script)
    sha = hashlib.sha256(script).hexdigest()
    code, output = run_wrapper(work_in(tmp_path), *SOURCE, "--wrapperpilotcodeurl", f"{url}/run#sha256={sha}")
    assert code == 64
    assert "\nscript\n" in output


def test_a_file_url(tmp_path: Path) -> None:
    script = tmp_path / "my.py"
    script.write_text("print('python', 'it is')")
    sha = hashlib.sha256(script.read_bytes()).hexdigest()
    url = f"file://{script}#sha256={sha}"
    code, output = run_wrapper(work_in(tmp_path), *SOURCE, "--wrapperpilotcodeurl", url)
    assert code == 0
    assert "python it is" in output


def test_a_wrong_checksum_is_not_run(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    (folder / "run").write_bytes(b"#!/bin/sh\ntouch ../done\n")
    work = work_in(tmp_path)
    code, output = run_wrapper(work, *SOURCE, "--wrapperpilotcodeurl", f"{url}/run#sha256={A}")
    assert code == 82
    assert "its checksum is" in output
    assert list(work.iterdir()) == []


def test_versions() -> None:
    one = read_versions(
        f"p1.tgz#sha256={A}&share=90,p2.tgz#sha256={B.upper()}&share=10%", "http://x/a/,file:///b"
    )
    assert [(v.sha256, v.share, v.urls, v.name) for v in one] == [
        (A, 90, ("http://x/a/p1.tgz", "file:///b/p1.tgz"), "p1.tgz"),
        (B, 10, ("http://x/a/p2.tgz", "file:///b/p2.tgz"), "p2.tgz"),
    ]
    whole = read_versions("", f"http://x/p#sha256={A},https://y/q#sha256={A},http://z/r#sha256={B}&share=0")
    assert [(v.share, v.urls) for v in whole] == [
        (100, ("http://x/p", "https://y/q")),
        (0, ("http://z/r",)),
    ]
    assert {choose(whole).sha256 for _ in range(50)} == {A}
    often = Counter(choose(one).sha256 for _ in range(2000))
    assert 1700 < often[A] < 1900


@pytest.mark.parametrize(
    ("names", "urls", "why"),
    [
        ("pilot.tgz", "http://x", "add #sha256="),
        (f"pilot.tgz#sha256={A[1:]}", "http://x", "add #sha256="),
        ("", "http://x/pilot.tgz", "add #sha256="),
        (f"pilot.tgz#sha256={A}", "", "where is it found"),
        ("", "", "needs --wrapperpilotcodeurl"),
        ("", f"ftp://x/p#sha256={A}", "begins with http, https, file"),
        ("", f"http://x/p#sha256={A}&share=101", "share from 0 to 100"),
        ("", f"http://x/p#sha256={A}&share=half", "share from 0 to 100"),
        ("", f"http://x/p#sha256={A}&share=0", "are 0"),
    ],
)
def test_versions_that_make_no_sense(names: str, urls: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_versions(names, urls)


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> dict[str, Any]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return {name: info}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"../out": b"x"}, "leads outside"),
        ({"a/../../out": b"x"}, "leads outside"),
        ({"/tmp/apf-out": b"x"}, "leads outside"),
        (_link("away", ".."), "leads outside"),
        (_link("away", "/etc"), "leads outside"),
        ({**_link("a", "."), **_link("a/b", "../..")}, "leads outside"),
        (_link("device", "", tarfile.CHRTYPE), "neither file, directory nor link"),
        (_link("hard", "../../etc/passwd", tarfile.LNKTYPE), "cannot be unpacked|no content"),
    ],
)
def test_tarballs_that_climb(members: dict[str, Any], why: str, tmp_path: Path) -> None:
    tarball(tmp_path / "t.tgz", members)
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(BadPayload, match=why):
        unpack(str(tmp_path / "t.tgz"), str(inside))
    assert not (tmp_path / "out").exists()


def test_links_within_a_tarball_are_fine(tmp_path: Path) -> None:
    members = {"lib/real": b"x", **_link("lib/soft", "real"), **_link("hard", "lib/real", tarfile.LNKTYPE)}
    tarball(tmp_path / "t.tgz", members)
    (tmp_path / "in").mkdir()
    unpack(str(tmp_path / "t.tgz"), str(tmp_path / "in"))
    assert (tmp_path / "in/lib/soft").read_bytes() == b"x"
    assert (tmp_path / "in/hard").read_bytes() == b"x"


def test_what_is_cut_short_is_told(tmp_path: Path) -> None:
    tarball(tmp_path / "t.tgz", {"a": b"x" * 100000})
    cut = tmp_path / "cut.tgz"
    cut.write_bytes((tmp_path / "t.tgz").read_bytes()[:60])
    with pytest.raises(BadPayload, match="cannot be unpacked"):
        unpack(str(cut), str(tmp_path))


TABLE = f"""
# VO     PURPOSE    GRID WMSQUEUE  BATCHQUEUE PLUGIN  PILOTCODE        PILOTCODEURL
ATLAS    production OSG  ANALY_*   *          pilot   p#sha256={A}     http://x
ATLAS    *          *    +         *          pilot   -                http://y/p#sha256={B}
*        *          *    *         *          panda   -                -
"""


@pytest.mark.parametrize(
    ("values", "url"),
    [
        (("ATLAS", "production", "OSG", "ANALY_BNL", ""), "http://x"),
        (("ATLAS", "production", "OSG", "BNL", "B"), f"http://y/p#sha256={B}"),
        (("ATLAS", "", "", "", ""), ""),
        (("CMS", "production", "OSG", "ANALY_BNL", ""), ""),
        (("", "", "", "", ""), ""),
    ],
)
def test_the_first_line_that_fits_decides(values: tuple[str, ...], url: str) -> None:
    row = look_up(rows_of(TABLE, "table"), values)
    assert row is not None
    assert row.url == url
    assert row.plugin == ("pilot" if url else "panda")


def test_a_table_that_is_wrong_or_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 1: expected 8 words .*, got 3"):
        rows_of("ATLAS * *", "table")
    table = tmp_path / "table"
    table.write_text("CMS * * * * panda - -\nOTHER * * * * trivial - -\n")
    code, output = run_wrapper(tmp_path, "--lookup", str(table), "--wrappervo", "ATLAS")
    assert code == 83
    assert "no line fits VO ATLAS" in output
    assert "is one of panda" in run_wrapper(tmp_path, "--lookup", str(table), "--wrappervo", "OTHER")[1]
    assert "No such file" in run_wrapper(tmp_path, "--lookup", "/no/table")[1]


def test_the_table_chooses_and_the_command_line_wins(tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.write_text("ATLAS * * * * command - -\n")
    code, output = run_wrapper(
        tmp_path, "--lookup", f"file://{table}", "--wrappervo", "ATLAS", "--command", "echo chosen"
    )
    assert code == 0
    assert "\nchosen\n" in output
    code, output = run_wrapper(
        tmp_path, "--lookup", str(table), "--wrappervo", "ATLAS", "--wrapperplugin", "pilot"
    )
    assert "needs --wrapperpilotcodeurl" in output
