"""The files of local pilots: whole or absent, and the first word on an ending stands."""

import errno
import os
import signal
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.batch.local_files import Life, LocalFiles, Running, StarterSettings
from autopyfactory.batch.local_process import identify, signal_process
from autopyfactory.batch.local_records import Submission, decode_ending, encode_ending
from autopyfactory.model import EndCause, Ending, FactoryId, PilotId, PilotSpec, QueueName

OURS = FactoryId("ours")
ONE, TWO = PilotId("01M808TX00X6K0YJNXN2H1CQW3"), PilotId("01M808TX00X6K0YJNXN2H1CQW4")
SETTINGS = StarterSettings(2, None, False, True, 0, 1.0, 60.0, {"PATH": "/bin"})
SPEC = PilotSpec(
    queue=QueueName("q"),
    executable=Path("/bin/true"),
    arguments=("a b", "'\"$", ""),
    environment={"X": "ü\n"},
    inputs=(Path("/etc/hosts"),),
    cores=2,
    memory_mb=100,
    walltime_s=60,
    log_dir=Path("/tmp/logs"),
    log_url="http://localhost/logs",
)


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    files = LocalFiles(tmp_path / "local")
    files.make(SETTINGS)
    return files


def submission(*pilots: PilotId) -> Submission:
    return Submission(OURS, SPEC, pilots, 1_800_000_000.5)


def test_what_is_submitted_is_read_back(files: LocalFiles) -> None:
    files.submit(submission(ONE, TWO))
    (name,) = files.submission_names()
    assert files.submission(name) == submission(ONE, TWO)
    assert files.settings() == SETTINGS
    files.retire(name)
    assert files.submission(name) is None


def test_submissions_are_listed_in_the_order_of_their_time(files: LocalFiles) -> None:
    files.submit(replace(submission(ONE), submitted_s=1_900_000_000))
    files.submit(replace(submission(TWO), submitted_s=999_999_999.25))
    pilots = [read.pilots for name in files.submission_names() if (read := files.submission(name))]
    assert pilots == [(TWO,), (ONE,)]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_half_written(
    files: LocalFiles, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*(os, "fsync", full) if broken == "fsync" else (Path, "replace", full))
    with pytest.raises(OSError, match="No space left"):
        files.submit(submission(ONE))
    assert files.submission_names() == []
    assert list(files.tmp.iterdir()) == []


def test_a_damaged_submission_is_named(files: LocalFiles) -> None:
    files.submit(submission(ONE))
    (name,) = files.submission_names()
    (files.root / "submissions" / name).write_text('{"pilots": [')
    with pytest.raises(ValueError, match=f"{name}.*move it away"):
        files.submission(name)


@given(
    st.builds(
        Ending,
        cause=st.sampled_from(EndCause),
        exit_code=st.none() | st.integers(0, 255),
        signal=st.none() | st.integers(1, 64),
        started_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        ended_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        wall_s=st.none() | st.floats(0, 1e9),
        host=st.text(),
        reason=st.text(),
    )
)
def test_an_ending_comes_back_as_it_was(ending: Ending) -> None:
    assert decode_ending(encode_ending(ending)) == ending


def test_the_first_word_on_an_ending_stands_and_is_told_again_and_again(files: LocalFiles) -> None:
    first = Ending(EndCause.EXIT, exit_code=7, ended_at=datetime(2026, 11, 22, tzinfo=UTC))
    files.end(ONE, OURS, first)
    files.end(ONE, OURS, Ending(EndCause.CANCELLED))
    assert files.ending(ONE, FactoryId("theirs")) is None
    assert [files.ending(ONE, OURS) for _ in range(3)] == [first] * 3
    files.end(ONE, OURS, Ending(EndCause.CANCELLED))
    assert files.ending(ONE, OURS) == first
    assert list(files.tmp.iterdir()) == []


def test_endings_are_kept_until_they_were_told_and_are_old(files: LocalFiles) -> None:
    for pilot in (ONE, TWO):
        files.end(pilot, OURS, Ending(EndCause.EXIT, exit_code=0))
    files.ending(ONE, OURS)
    now_s = datetime.now(UTC).timestamp()
    files.tidy(now_s, keep_s=60)
    assert files.has_ended(ONE)
    files.tidy(now_s + 120, keep_s=60)
    assert not files.has_ended(ONE)
    assert files.ending(TWO, OURS) is not None, "nobody has read it yet"


def test_a_record_damaged_by_a_crash_of_the_machine_does_not_block_the_others(files: LocalFiles) -> None:
    files.working_directory(ONE).mkdir(parents=True)
    (files.working_directory(ONE).parent / "running.json").touch()
    life, running = files.look(ONE)
    assert life is Life.VANISHED
    files.bury(ONE, OURS, running)
    assert files.ending(ONE, OURS) == Ending(
        EndCause.SIGNAL, host=os.uname().nodename, reason="its keeper vanished, so nobody knows how it ended"
    )
    (files.root / "endings" / f"{TWO}.json").touch()
    assert "damaged" in (files.ending(TWO, OURS) or Ending(EndCause.EXIT)).reason


def test_a_process_is_not_mistaken_for_a_later_one_of_its_id(files: LocalFiles) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        known = identify(process.pid)
        assert known.alive
        for other in (known._replace(ticks=known.ticks - 1), known._replace(boot="another")):
            assert not other.alive
            assert not signal_process(other, signal.SIGKILL)
            files.working_directory(ONE).mkdir(parents=True, exist_ok=True)
            files.write_running(ONE, Running(other, other, 0, 1, 1, ()))
            assert files.look(ONE)[0] is Life.VANISHED
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not known.alive, "a zombie does not run"
    with pytest.raises(ProcessLookupError):
        identify(process.pid)


@pytest.mark.parametrize("marked", [True, False])
def test_a_survey_says_what_a_look_says(files: LocalFiles, marked: bool) -> None:
    if marked:
        files.mark_cancelled(ONE)
    files.end(TWO, OURS, Ending(EndCause.EXIT))
    surveyed = list(files.survey([ONE, TWO]))
    assert surveyed == [(pilot, *files.look(pilot)) for pilot in (ONE, TWO)]
    assert surveyed[0][1] is (Life.CANCELLED if marked else Life.WAITING)
