"""What became of payloads, and what becomes of a pilot whose node fails it."""

import errno
from pathlib import Path

import pytest

from autopyfactory.wrapper import exits, pilot
from autopyfactory.wrapper.choice import complete, limits_of
from autopyfactory.wrapper.ending import Backoff, Ending
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.options import read_options
from autopyfactory.wrapper.payload import Command, Outcome, new_directory, outcome_of, remove_directory
from autopyfactory.wrapper.report import Monitor
from autopyfactory.wrapper.sources.source import Source, Work

NEEDED = ["--wrapperserverurl", "http://127.0.0.1:1", "--wrapperwmsqueue", "Q"]


@pytest.mark.parametrize(
    ("returned", "outcome"),
    [
        (0, Outcome(0)),
        (3, Outcome(3, "exit code 3: it broke")),
        (-9, Outcome(137, "killed by signal 9: it broke")),
    ],
)
def test_outcomes(tmp_path: Path, returned: int, outcome: Outcome) -> None:
    (tmp_path / "payload.err").write_text("it broke\n")
    assert outcome_of(returned, str(tmp_path)) == outcome


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b'{"pi": 3.1}', Outcome(0, "", '{"pi": 3.1}')),
        (b"x" * 65536, Outcome(0, "", "x" * 65536)),
        (b"x" * 65537, Outcome(0, "result.json has more than 65536 bytes")),
    ],
)
def test_results(tmp_path: Path, content: bytes, outcome: Outcome) -> None:
    (tmp_path / "result.json").write_bytes(content)
    assert outcome_of(0, str(tmp_path)) == outcome


def test_a_result_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(b"\xff")
    assert outcome_of(0, str(tmp_path)).diag.startswith("result.json cannot be read")


def test_directories_are_named_after_payloads_and_removed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = Path(new_directory("../7"))
    assert directory.parent == tmp_path
    closed = directory / "closed"
    closed.mkdir()
    (closed / "file").touch()
    closed.chmod(0)
    remove_directory(str(directory))
    assert not directory.exists()


class OneWork(Work):
    name = "1"

    def __init__(self, prepared: Exception | None) -> None:
        self._prepared = prepared
        self.outcomes: list[Outcome] = []

    def prepare(self, directory: str) -> Command:
        if self._prepared is not None:
            raise self._prepared
        return Command([b"true"], {})

    def report(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


class OneSource(Source):
    def __init__(self, work: Work) -> None:
        self._left = [work]

    def next(self) -> Work | None:
        return self._left.pop() if self._left else None


def _pilot(work: Work) -> pilot.Pilot:
    options, _ = read_options(NEEDED)
    complete(options)
    return pilot.Pilot(options, OneSource(work), limits_of(options), Ending(), Monitor(), Node())


@pytest.mark.parametrize("step", ["new_directory", "prepare", "start"])
def test_a_full_disk_ends_the_pilot_and_returns_the_job(
    step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*_: object) -> None:
        raise full

    monkeypatch.chdir(tmp_path)
    if step != "prepare":
        monkeypatch.setattr(pilot, step, fail)
    work = OneWork(full if step == "prepare" else None)
    assert _pilot(work).run() == exits.EXIT_ENVIRONMENT
    (outcome,) = work.outcomes
    assert "does not let the pilot work" in outcome.diag
    assert outcome.status == "failed"
    assert list(tmp_path.iterdir()) == []


def test_pauses_grow_to_a_ceiling() -> None:
    backoff = Backoff(5)
    pauses = [backoff.next() for _ in range(8)]
    assert pauses[0] <= 1
    assert all(3.5 <= pause <= 5 for pause in pauses[3:])
