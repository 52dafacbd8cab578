"""Old wrappers go, but never one that a pilot may still need."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopyfactory.api import SystemClock
from autopyfactory.bundle import wrapper_path
from autopyfactory.control.wrapper_keeping import keep_wrappers, removable
from autopyfactory.model import FactoryId, Pilot, PilotId, PilotState, QueueName
from autopyfactory.store import open_store

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
OLD = Path("wrapper-old")


def planned(at: datetime) -> Pilot:
    return Pilot(
        PilotId("0" * 26),
        QueueName("Q"),
        "b",
        PilotState.PENDING,
        planned_at=at,
        changed_at=at,
        started_at=at,
    )


@pytest.mark.parametrize(
    ("last_used", "planned_at", "goes"),
    [
        (NOW - 3 * DAY, None, True),
        (NOW - DAY, None, False),  # a factory of that version may still be there
        (NOW - 3 * DAY, NOW - 4 * DAY, False),
        (NOW - 3 * DAY, NOW - 2 * DAY, False),
        (NOW - 3 * DAY, NOW - timedelta(days=1, hours=23), True),
        (NOW + DAY, None, False),  # a clock that was set back
    ],
)
def test_a_wrapper_goes_when_no_pilot_can_need_it(
    last_used: datetime, planned_at: datetime | None, goes: bool
) -> None:
    live = [] if planned_at is None else [planned(planned_at), planned(NOW)]
    assert removable({OLD: last_used}, live, NOW) == ([OLD] if goes else [])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def wrapper(folder: Path, digit: str, last_used: datetime) -> Path:
    file = folder / f"wrapper-{digit * 16}"
    file.touch()
    os.utime(file, (last_used.timestamp(), last_used.timestamp()))
    return file


async def test_only_what_no_pilot_needs_goes_while_the_factory_runs(tmp_path: Path) -> None:
    needed = wrapper(tmp_path, "0", NOW - 3 * DAY)
    other = wrapper(tmp_path, "1", NOW - 9 * DAY)
    store = await open_store(f"sqlite:///{tmp_path}/apf.db", FactoryId("test"), inline=True)
    await store.adopt([planned(NOW - 4 * DAY)])
    task = asyncio.create_task(keep_wrappers(lambda: tmp_path, store, SystemClock()))
    await until(lambda: not other.exists())
    assert sorted(tmp_path.glob("wrapper-*")) == sorted([needed, wrapper_path(tmp_path)])
    task.cancel()
    await store.close()


async def test_what_the_disk_refuses_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("a file, where a directory should be")
    store = await open_store(f"sqlite:///{tmp_path}/apf.db", FactoryId("test"), inline=True)
    task = asyncio.create_task(keep_wrappers(lambda: blocked, store, SystemClock()))
    await until(lambda: "old wrappers stay" in caplog.text)
    assert not task.done()
    task.cancel()
    await store.close()
