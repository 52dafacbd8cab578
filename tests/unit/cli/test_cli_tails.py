"""The end of a file, found without reading the rest."""

import io
import os
from pathlib import Path

import pytest
from cli_world import World, make_world
from hypothesis import example, given
from hypothesis import strategies as st

from autopyfactory.cli.common import tails
from autopyfactory.cli.common.tails import seek_lines


@given(st.lists(st.sampled_from([b"a", b"\n", b"bc"]), max_size=60).map(b"".join), st.integers(0, 12))
@example(b"", 3)
@example(b"a\nb\n", 1)
@example(b"a\nb", 1)
@example(b"\n\n", 1)
@example(b"a\n", 0)
def test_the_last_lines(content: bytes, lines: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tails, "_BLOCK", 5)
        stream = io.BytesIO(content)
        seek_lines(stream, lines)
        expected = content.splitlines(keepends=True)[-lines:] if lines else []
        assert stream.read() == b"".join(expected)


def test_a_huge_file_is_read_no_further_than_needed(tmp_path: Path) -> None:
    file = tmp_path / "huge"
    with file.open("wb") as stream:
        stream.seek(2**30)
        stream.write(b"\nlast but one\nlast\n")
    with _Counting(file) as counting:
        seek_lines(counting, 2)
        assert os.read(counting.fileno(), 100) == b"last but one\nlast\n"
        assert counting.taken < 2**20


class _Counting(io.FileIO):
    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(-1 if size is None else size) or b""
        self.taken += len(found)
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_logs_begin_with_the_last_lines(world: World) -> None:
    world.write_log(world.failed, "out", "one\ntwo\nthree\n")
    assert world.apf("logs", world.failed, "--lines", "2").out == "two\nthree\n"
    assert world.apf("logs", world.failed, "-n", "1", "--follow").out == "three\n"
