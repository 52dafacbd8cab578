"""The store stays small and fast however long it runs."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from autopyfactory.model import FactoryId, PilotState, QueueName, Transition
from autopyfactory.store import open_store, pruning
from autopyfactory.store.database import Database
from autopyfactory.store.place import parse_place
from autopyfactory.store.pruning import newest_cycles
from autopyfactory.store.tables import cycles, pilots
from autopyfactory.testkit.store import NOW, a_cycle, pilot_ids

OURS = FactoryId("ours")


async def test_pruning_gives_space_back_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_PAGES_AT_ONCE", 100)
    path = tmp_path / "factory.db"
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    names = pilot_ids(12_000)
    await store.plan(a_cycle(planned=12_000), names, "schedd")
    await store.record([Transition(name, NOW, PilotState.DONE, "x" * 200) for name in names])
    await store.close()
    full = path.stat().st_size
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    assert await store.prune(NOW + timedelta(days=1), NOW) == 12_000
    await store.close()
    assert path.stat().st_size < full / 5
    assert path.stat().st_size <= 400 * 4096


async def test_the_log_of_writes_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    reader = await open_store(f"sqlite:///{path}", None, inline=True)
    for i in range(600):
        await store.plan(a_cycle(at=NOW + timedelta(seconds=i)), pilot_ids(20, seed=i), "schedd")
        if i % 100 == 0:
            await reader.live()  # a reader between its calls holds nothing back
    assert path.with_name("factory.db-wal").stat().st_size < 8_000_000
    await reader.close()
    await store.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (select(pilots).where(pilots.c.ended_at.is_(None)).order_by(pilots.c.id), "pilots_live"),
        (select(pilots).where(pilots.c.queue == "q").order_by(pilots.c.id.desc()).limit(9), "pilots_queue"),
        (select(pilots).where(pilots.c.queue == "q", pilots.c.ended_at >= 5), "pilots_queue_ended"),
        (select(pilots.c.id).where(pilots.c.ended_at >= 5), "pilots_ended"),
        (select(cycles).where(cycles.c.queue == "q").order_by(cycles.c.at.desc()).limit(1), "cycles_queue"),
        (select(cycles.c.submit).where(cycles.c.at >= 5).order_by(cycles.c.at), "cycles_at"),
    ],
)
async def test_questions_are_answered_by_an_index(tmp_path: Path, query: object, index: str) -> None:
    url = f"sqlite:///{tmp_path}/factory.db"
    await (await open_store(url, OURS, inline=True)).close()
    database = Database(parse_place(url))
    text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined]
    plan = database.read(lambda c: [row[3] for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")])
    database.close()
    assert f" {index} " in plan[0] + " "
    assert len(plan) == 1, "no sorting"


async def test_the_newest_cycles_are_found_without_reading_all(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/factory.db"
    store = await open_store(url, OURS, inline=True)
    for queue in ("a", "b"):
        for i in range(3):
            await store.plan(a_cycle(QueueName(queue), NOW + timedelta(seconds=i)), [], "schedd")
    await store.close()
    database = Database(parse_place(url))
    text = str(newest_cycles().compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    plan = database.read(lambda c: [row[3] for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")])
    assert database.read(lambda c: [row[0] for row in c.execute(newest_cycles())]) == [3, 6]
    database.close()
    assert not [step for step in plan if step.startswith("SCAN cycles")]
