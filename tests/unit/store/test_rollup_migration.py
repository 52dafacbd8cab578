"""A store from before there were sums over time gets them when it is migrated."""

from datetime import timedelta
from pathlib import Path

from alembic import command
from postgres_server import database, needs_postgres
from sqlalchemy import Connection, insert

from autopyfactory.model import FactoryId
from autopyfactory.store import migrate, open_store, upgrade
from autopyfactory.store.database import Database
from autopyfactory.store.place import parse_place
from autopyfactory.store.rows import cycle_row
from autopyfactory.store.tables import FACTORY_KEY, cycles, meta
from autopyfactory.testkit.store import AGLT2, BNL, MINUTE, NOW, a_cycle

__all__ = ["database"]
OURS, DAY = FactoryId("ours"), timedelta(days=1)
CYCLES = [
    a_cycle(queue, NOW - 2 * DAY + n * 7 * MINUTE, planned=n) for n in range(12) for queue in (AGLT2, BNL)
]


def _make_older(connection: Connection) -> None:
    config = migrate._config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0005")
    connection.execute(insert(meta).values(key=FACTORY_KEY, value=OURS))
    names = [column.name for column in cycles.c if column.name != "id"]
    connection.execute(insert(cycles), [dict(zip(names, cycle_row(c), strict=True)) for c in CYCLES])


async def _check(older: str, fresh: str) -> None:
    store = Database(parse_place(older), maintenance=True)
    store.write(_make_older)
    store.close()
    assert upgrade(older) is True
    migrated = await open_store(older, OURS, inline=True)
    planned = await open_store(fresh, OURS, inline=True)
    for cycle in CYCLES:
        await planned.plan(cycle, [], "schedd")
    for queue in (AGLT2, None):
        for days in (3, 30):
            told = await migrated.series(NOW - days * DAY, NOW, queue)
            assert told.points
            assert told == await planned.series(NOW - days * DAY, NOW, queue)
    await migrated.close()
    await planned.close()


async def test_on_sqlite(tmp_path: Path) -> None:
    (tmp_path / "older.db").touch()
    await _check(f"sqlite:///{tmp_path}/older.db", f"sqlite:///{tmp_path}/fresh.db")


class TestPostgres:
    pytestmark = needs_postgres

    async def test_on_postgres(self, database: str, tmp_path: Path) -> None:
        await _check(database, f"sqlite:///{tmp_path}/fresh.db")
