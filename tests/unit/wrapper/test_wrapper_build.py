"""The single file: what is in it, that it never changes, and how its head finds a Python."""

import os
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilot_process import built_wrapper, old_python

import autopyfactory.wrapper
from autopyfactory.bundle import other_wrappers, place_wrapper, wrapper_bytes, wrapper_path

ROOM = Path(autopyfactory.wrapper.__file__).parent
SHELLS = [shell for name in ("sh", "dash", "bash", "busybox") if (shell := shutil.which(name))]


def test_everything_is_in_it_and_nothing_else() -> None:
    with zipfile.ZipFile(built_wrapper()) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    sources = {f"autopyfactory/wrapper/{path.relative_to(ROOM)}" for path in ROOM.rglob("*.py")}
    assert names == {"__main__.py", "autopyfactory/__init__.py", *sources}


def test_it_is_small() -> None:
    assert len(wrapper_bytes()) < 200_000


def test_another_process_builds_the_same_bytes(tmp_path: Path) -> None:
    program = "import sys; from autopyfactory.bundle import wrapper_bytes as b; sys.stdout.buffer.write(b())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == wrapper_bytes()


def test_it_is_placed_once_and_mended_where_it_was_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    path = place_wrapper(folder)
    assert path == wrapper_path(folder)
    assert path.stat().st_mode & 0o777 == 0o755
    written = path.stat().st_ino
    os.utime(path, (0, 0))
    placed_again = place_wrapper(folder).stat()
    assert placed_again.st_ino == written
    assert placed_again.st_mtime > 0, "it is in use now"
    path.write_bytes(b"#!/bin/sh\n")
    place_wrapper(folder)
    assert path.read_bytes() == wrapper_bytes()
    assert list(folder.iterdir()) == [path]


def test_wrappers_of_other_versions_are_told_from_everything_else(tmp_path: Path) -> None:
    place_wrapper(tmp_path)
    other = tmp_path / "wrapper-0123456789abcdef"
    other.write_bytes(b"")
    os.utime(other, (86400, 86400))
    for name in ("wrapper", "wrapper-0123456789abcde", "wrapper-0123456789abcdef.orig", "report.key"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "wrapper-1123456789abcdef").mkdir()
    (tmp_path / "wrapper-2123456789abcdef").symlink_to(other)
    assert other_wrappers(tmp_path) == {other: datetime(1970, 1, 2, tzinfo=UTC)}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_takes_the_head(shell: str, tmp_path: Path) -> None:
    words = [shell, "sh"] if shell.endswith("busybox") else [shell]
    done = subprocess.run(
        [*words, built_wrapper(), "--version"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "3.0\n"), done.stderr


@pytest.mark.parametrize("call", ["./w --version", "sh w --version", "PATH=.:$PATH; w --version"])
def test_it_finds_itself(call: str, tmp_path: Path) -> None:
    shutil.copy(built_wrapper(), tmp_path / "w")
    done = subprocess.run(["sh", "-c", call], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "3.0\n", done.stderr


def test_without_a_python_it_says_so(tmp_path: Path) -> None:
    """Only what the head itself needs is in PATH; places outside of PATH are taken out of it."""
    for name in ("date", "uname"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    head = tmp_path / "head"
    head.write_text(
        (ROOM / "head.sh").read_text().replace("/usr/", "/nowhere/").replace("/cvmfs/", "/nowhere/")
    )
    done = subprocess.run(
        ["/bin/sh", head], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 83
    assert "no Python >= 3.6" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    (tmp_path / "python3.12").symlink_to(sys.executable)
    environment = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    done = subprocess.run(
        [built_wrapper(), "--wrapperplugin", "command", "--command", "true"],
        env=environment, capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert f"at {tmp_path}/python3.12" in done.stdout


@pytest.mark.skipif(old_python() is None, reason="no Python 3.6 on this machine")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_python_3_6_runs_it(locale: str) -> None:
    python = old_python()
    assert python
    done = subprocess.run(
        [python, "-I", "-S", built_wrapper(), "--help"],
        env={"LC_ALL": locale}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "exit codes" in done.stdout, done.stderr
