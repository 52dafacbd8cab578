"""What the verbs share: ages, JSON, logging, the lock; the demo's estimate, folder and chart."""

import json
import logging
import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.cli.common.ages import age, duration
from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.lock import only_factory, running_factory
from autopyfactory.cli.common.logging_setup import JsonLines, TextLines
from autopyfactory.cli.common.output import jsonable
from autopyfactory.cli.demo.estimate import Count, merge, parse_count
from autopyfactory.cli.demo.pi import points_inside
from autopyfactory.cli.demo.setting import fresh, write_configuration
from autopyfactory.cli.demo.summary import peak_running
from autopyfactory.config import load
from autopyfactory.model import JobCounts, Pilot, PilotId, PilotState, QueueName

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "never"),
        (0.4, "just now"),
        (-0.4, "just now"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (7199, "1 h ago"),
        (86_400 * 3, "3 d ago"),
        (-90, "in 1 min"),
    ],
)
def test_age(seconds: float | None, said: str) -> None:
    assert age(seconds) == said


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_is_never_longer_than_the_truth(seconds: float) -> None:
    number, unit = duration(seconds).split()
    assert int(number) * {"s": 1, "min": 60, "h": 3600, "d": 86400}[unit] <= seconds


def test_jsonable_keeps_none_and_names_states() -> None:
    value = {PilotState.DONE: (JobCounts(ready=1), NOW, Path("x"))}
    assert json.loads(json.dumps(jsonable(value))) == {
        "done": [
            {"notready": None, "ready": 1, "running": None, "done": None, "failed": None},
            "2026-01-01T00:00:00+00:00",
            "x",
        ]
    }


# --- logging


def _record(**fields: object) -> logging.LogRecord:
    record = logging.LogRecord("autopyfactory.control.cycle", logging.INFO, "f", 1, "sent %d", (3,), None)
    record.created = 1767225600.5
    vars(record).update(fields)
    return record


def test_log_lines_for_people_and_for_machines() -> None:
    assert (
        TextLines().format(_record(queue="BNL", action="submit"))
        == "2026-01-01T00:00:00.500Z INFO control.cycle: sent 3  queue=BNL action=submit"
    )
    assert json.loads(JsonLines().format(_record(queue="BNL", path=Path("x")))) == {
        "at": "2026-01-01T00:00:00.500Z",
        "level": "info",
        "logger": "autopyfactory.control.cycle",
        "message": "sent 3",
        "queue": "BNL",
        "path": "x",
    }


def test_a_traceback_stays_on_the_one_json_line() -> None:
    try:
        raise ValueError("bad")
    except ValueError as error:
        record = _record(exc_info=(type(error), error, error.__traceback__))
    (line,) = JsonLines().format(record).splitlines()
    assert "ValueError: bad" in json.loads(line)["traceback"]


# --- the lock


def test_the_lock_tells_who_holds_it_and_is_let_go(tmp_path: Path) -> None:
    lock = tmp_path / "deep/down/x.lock"
    assert running_factory(lock) is None
    with only_factory(lock):
        assert running_factory(lock) is not None
        with pytest.raises(Failure, match="another factory runs on this store"), only_factory(lock):
            pass
    assert running_factory(lock) is None
    with only_factory(lock):
        pass


def test_a_running_factory_tells_what_ails_its_store(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with only_factory(path) as lock:
        size = path.stat().st_size
        for trouble in ("the disk is full\nfree some", "ü" * 9000, ""):
            lock.tell(trouble)
            told = running_factory(path)
            assert told is not None
            assert told.pid == os.getpid()
            assert bool(told.store_trouble) == bool(trouble)
            assert " ".join(trouble.split()).startswith(told.store_trouble)
            assert path.stat().st_size == size, "a full disk takes it only in place"


def test_a_lock_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("1234567\n")
    with only_factory(path):
        told = running_factory(path)
        assert told is not None
        assert (told.pid, told.store_trouble) == (os.getpid(), "")


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="cannot be made"), only_factory(tmp_path / "file/x.lock"):
        pass


# --- the demo


def test_the_merged_estimate_is_checked() -> None:
    counts = [Count(seed, 20_000, points_inside(seed, 20_000)) for seed in range(5)]
    estimate = merge(counts)
    assert estimate
    assert estimate.is_right
    assert estimate.points == 100_000
    assert estimate.sigma == pytest.approx(4 * math.sqrt(math.pi / 4 * (1 - math.pi / 4) / 100_000))
    off_by_one = merge([Count(0, 20_000, counts[0].inside + 1), *counts[1:]])
    assert off_by_one
    assert not off_by_one.recomputed
    assert not off_by_one.is_right
    far_off = merge([counts[0], *(Count(c.seed, c.points, c.points // 2) for c in counts[1:])])
    assert far_off
    assert far_off.recomputed
    assert not far_off.is_right
    assert merge([]) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seed": 1, "points": "many", "inside": 2}', "null"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(ValueError):
        parse_count(text)


def test_the_folder_of_a_demo_is_made_anew_and_no_other_is_touched(tmp_path: Path) -> None:
    with fresh(tmp_path / "demo") as setting:
        setting.board.write_text("old")
        (setting.folder / "logs").mkdir()
    with fresh(tmp_path / "demo") as setting:
        assert not setting.board.exists()
        assert not (setting.folder / "logs").exists()
        with pytest.raises(Failure, match="another factory"), fresh(tmp_path / "demo"):
            pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(UsageProblem, match="no demo made"), fresh(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine/thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("slots", [1, 2, 8, 1000])
def test_the_configuration_of_the_demo_is_valid(tmp_path: Path, slots: int) -> None:
    with fresh(tmp_path / "demo") as setting:
        write_configuration(setting, "http://127.0.0.1:1", slots)
        config = load([setting.config], {})
    assert list(config.queues) == ["demo"]


def _pilot(start: float | None, end: float | None) -> Pilot:
    at = [None if s is None else NOW + timedelta(seconds=s) for s in (start, end)]
    return Pilot(
        PilotId("x"), QueueName("q"), "b", PilotState.DONE, NOW, NOW, started_at=at[0], ended_at=at[1]
    )


@pytest.mark.parametrize(
    ("pilots", "peak"),
    [
        ([], 0),
        ([(0, 10), (10, 20)], 1),
        ([(0, 10), (9, 20), (9.5, 9.6)], 3),
        ([(None, None), (0, 1)], 1),
    ],
)
def test_peak_running(pilots: list[tuple[float | None, float | None]], peak: int) -> None:
    assert peak_running(_pilot(*times) for times in pilots) == peak
