"""Every verb that opens a store refuses one on PostgreSQL that is not sound or not ours, untouched."""

import asyncio
from pathlib import Path

import pytest
from cli_world import CONFIG, apf, write_config
from postgres_server import database, needs_postgres
from sqlalchemy import MetaData, create_engine, make_url, select, text

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.store import a_cycle, pilot_ids

__all__ = ["database"]
pytestmark = needs_postgres

SPOILT = {
    "newer": (
        "UPDATE alembic_version SET version_num = '9999'",
        "schema 9999, which is newer than this version knows",
    ),
    "half migrated": ("ALTER TABLE cycles DROP COLUMN note", "half migrated"),
    "another factory's": (
        "UPDATE meta SET value = 'theirs' WHERE key = 'factory'",
        "belongs to factory 'theirs', not to 'unit'.",
    ),
}
VERBS = {
    "upgrade": ["db", "upgrade"],
    "copy": ["db", "copy", "sqlite:////nowhere/copy.db"],
    "prune": ["db", "prune"],
    "run": ["run", "--once"],
}


async def fill(url: str) -> None:
    store = await open_store(url, FactoryId("unit"))
    await store.plan(a_cycle(), pilot_ids(3), "local")
    await store.close()


def content(url: str, statement: str = "") -> dict[str, list[str]]:
    """Return all rows by table, after a statement that changes something."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        if statement:
            connection.execute(text(statement))
        found = MetaData()
        found.reflect(connection)
        rows = {name: sorted(map(str, connection.execute(select(t)))) for name, t in found.tables.items()}
    engine.dispose()
    return rows


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_sound_or_not_ours(tmp_path: Path, database: str, spoilt: str, verb: str) -> None:
    asyncio.run(fill(database))
    statement, says = SPOILT[spoilt]
    before = content(database, statement)
    config = write_config(tmp_path, CONFIG.replace('id = "unit"', f'id = "unit"\nstore = "{database}"'))
    ran = apf(*VERBS[verb], "--config", config)
    assert ran.status == 1
    assert says in " ".join(ran.err.split())
    assert content(database) == before
