"""A copy holds everything, or nothing."""

import sqlite3
from pathlib import Path

import pytest

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.model import EndCause, EndpointHealth, FactoryId, PilotState, Transition
from autopyfactory.store import copy, maintenance, open_store
from autopyfactory.testkit.store import NOW, a_cycle, pilot_ids

OURS = FactoryId("ours")


async def filled(url: str) -> None:
    store = await open_store(url, OURS, inline=True)
    names = pilot_ids(30)
    await store.plan(a_cycle(planned=30), names, "schedd")
    await store.record(
        [Transition(n, NOW, PilotState.DONE, cause=EndCause.EXIT, empty=True) for n in names[:9]]
    )
    await store.save_health([EndpointHealth("wms.panda", NOW)])
    await store.close()


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    lines = sorted(connection.iterdump())
    connection.close()
    return lines


async def test_everything_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_ROWS_AT_ONCE", 7)
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    await filled(source)
    seen: list[tuple[str, int, int]] = []
    copy(source, target, lambda *progress: seen.append(progress))
    assert dump(tmp_path / "a.db") == dump(tmp_path / "b.db")
    assert ("pilots", 28, 30) in seen
    assert {table: (done, total) for table, done, total in seen}.items() >= {
        "meta": (1, 1),
        "pilots": (30, 30),
        "transitions": (39, 39),
        "cycles": (1, 1),
        "health": (1, 1),
    }.items()
    # and it can be worked with
    store = await open_store(target, OURS, create=False, inline=True)
    await store.plan(a_cycle(), pilot_ids(1, seed=2), "schedd")
    assert len(await store.cycles(a_cycle().queue)) == 2
    await store.close()


async def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    await filled(source)
    await (await open_store(target, FactoryId("theirs"), inline=True)).close()
    before = dump(tmp_path / "b.db")
    with pytest.raises(StoreRefused, match=r"holds a store already.  Name an empty database"):
        copy(source, target, lambda *_: None)
    assert dump(tmp_path / "b.db") == before


async def test_a_copy_that_is_interrupted_can_be_made_again(tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    await filled(source)

    def interrupt(table: str, _done: int, _total: int) -> None:
        if table == "transitions":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, interrupt)
    with pytest.raises(StoreRefused, match="belongs to factory None"):
        await open_store(target, OURS, inline=True)
    copy(source, target, lambda *_: None)
    assert dump(tmp_path / "a.db") == dump(tmp_path / "b.db")


async def test_there_must_be_something_to_copy(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no store at"):
        copy(f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db", lambda *_: None)
    assert list(tmp_path.iterdir()) == []
