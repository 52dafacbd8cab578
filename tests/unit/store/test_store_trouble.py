"""Full or locked: a clear error, nothing half-written, and on it goes once the trouble is over."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from autopyfactory.api import StoreUnavailable
from autopyfactory.model import FactoryId, PilotState, Transition
from autopyfactory.store import database, open_store
from autopyfactory.store.failures import as_store_error
from autopyfactory.store.place import parse_place
from autopyfactory.testkit.store import NOW, a_cycle, pilot_ids

OURS = FactoryId("ours")
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


async def test_locked_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    store = await open_store(f"sqlite:///{path}?timeout=0.2", OURS)
    await store.plan(a_cycle(), pilot_ids(1), "schedd")
    [old] = await store.live()
    turns = 0
    with held_by_another_process(path):
        writing = asyncio.create_task(store.plan(a_cycle(), pilot_ids(1, seed=2), "schedd"))
        while not writing.done():
            turns += 1
            await asyncio.sleep(0.01)  # for real: it is a real lock that is waited for
        with pytest.raises(
            StoreUnavailable, match=r"locked by another process for more than 0\.2 s.*tried again"
        ):
            await writing
        assert await store.live() == [old]
    assert turns > 5, "the event loop stood still"
    await store.plan(a_cycle(), pilot_ids(1, seed=2), "schedd")
    assert len(await store.live()) == 2
    await store.close()


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "factory.db"
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    names = pilot_ids(5000)
    await store.plan(a_cycle(planned=10), names[:10], "schedd")
    await store.close()

    settings = database.SQLITE_PRAGMAS
    monkeypatch.setattr(database, "SQLITE_PRAGMAS", (*settings, "max_page_count = 60"))
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    for _ in range(2):
        with pytest.raises(
            StoreUnavailable, match=r"the disk is full: free some space .*Nothing of the last change"
        ):
            await store.plan(a_cycle(planned=4990), names[10:], "schedd")
        assert [pilot.id for pilot in await store.live()] == names[:10]
        assert len(await store.cycles(a_cycle().queue)) == 1
    # what fits is still kept
    await store.record([Transition(name, NOW, PilotState.PENDING) for name in names[:10]])
    await store.close()

    monkeypatch.setattr(database, "SQLITE_PRAGMAS", settings)
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    await store.plan(a_cycle(planned=4990), names[10:], "schedd")
    assert len(await store.live()) == 5000
    await store.close()


async def test_what_is_full_while_it_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SQLITE_PRAGMAS", (*database.SQLITE_PRAGMAS, "max_page_count = 3"))
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await open_store(f"sqlite:///{tmp_path}/factory.db", OURS, inline=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (sqlite3.SQLITE_IOERR_SHMSIZE, "the disk is full"),
        (sqlite3.SQLITE_IOERR_WRITE, "look after the disk"),
    ],
)
def test_a_disk_without_room_for_an_index_is_full(code: int, says: str) -> None:
    said = sqlite3.OperationalError("disk I/O error")
    said.sqlite_errorcode = code
    error = OperationalError("BEGIN", None, said)
    meaning = as_store_error(error, parse_place("sqlite:///factory.db"), read_only=False)
    assert isinstance(meaning, StoreUnavailable)
    assert says in str(meaning)


async def test_locked_while_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    await store.plan(a_cycle(), pilot_ids(1), "schedd")
    await store.close()
    with held_by_another_process(path):
        reader = await open_store(f"sqlite:///{path}?timeout=0.1", None, create=False, inline=True)
        assert len(await reader.live()) == 1
        await reader.close()
