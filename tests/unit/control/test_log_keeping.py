"""Logs go by the day, oldest first, and nothing else goes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopyfactory.config import FactorySettings
from autopyfactory.control.log_keeping import clean_logs

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> FactorySettings:
    logs = tmp_path / "logs"
    for day in ("2026-02-01", "2026-03-10", "2026-03-20", "2026-03-30", "2026-03-31"):
        (logs / day / "GONE_QUEUE").mkdir(parents=True)
        (logs / day / "GONE_QUEUE/1.0.out").write_text("x")
    return FactorySettings(id="f", log_dir=logs, keep_logs_days=30, log_free_percent=5)


def left(settings: FactorySettings) -> list[str]:
    return sorted(path.name for path in settings.log_dir.iterdir())


def test_old_days_go_also_of_queues_that_are_gone(settings: FactorySettings) -> None:
    cleaned = clean_logs(settings, NOW, lambda _: 50)
    assert (cleaned.expired, cleaned.crowded_out, cleaned.failed) == (("2026-02-01",), (), ())
    assert left(settings) == ["2026-03-10", "2026-03-20", "2026-03-30", "2026-03-31"]


def test_a_disk_that_fills_up_takes_the_oldest_days_first(settings: FactorySettings) -> None:
    free = iter([1.0, 50.0])
    cleaned = clean_logs(settings, NOW, lambda _: next(free))
    assert cleaned.crowded_out == ("2026-03-10",)
    assert left(settings) == ["2026-03-20", "2026-03-30", "2026-03-31"]


def test_today_and_yesterday_stay_however_full_the_disk_is(settings: FactorySettings) -> None:
    assert clean_logs(settings, NOW, lambda _: 0).crowded_out == ("2026-03-10", "2026-03-20")
    assert left(settings) == ["2026-03-30", "2026-03-31"]


def test_nothing_but_days_is_touched(settings: FactorySettings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    (settings.log_dir / "2020-01-01").symlink_to(elsewhere)
    (settings.log_dir / "20200101").mkdir()
    (settings.log_dir / "archive").mkdir()
    (settings.log_dir / "2026-02-01/link").symlink_to(elsewhere)
    clean_logs(settings, NOW, lambda _: 0)
    assert left(settings) == ["2020-01-01", "20200101", "2026-03-30", "2026-03-31", "archive"]
    assert (elsewhere / "precious").exists()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    cleaned = clean_logs(FactorySettings(id="f", log_dir=tmp_path / "none"), NOW)
    assert not cleaned.expired


def test_what_cannot_be_removed_is_told(settings: FactorySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path, *, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refuse)
    assert clean_logs(settings, NOW, lambda _: 50).failed == ("2026-02-01: Permission denied",)
