"""A fresh database equals a migrated one; an older one is migrated as a whole, or stays as it was."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from autopyfactory.api import StoreRefused
from autopyfactory.model import FactoryId
from autopyfactory.store import examine, head, migrate, open_store, schema_version, upgrade
from autopyfactory.store.database import Database
from autopyfactory.store.place import parse_place
from autopyfactory.store.tables import metadata
from autopyfactory.testkit.store import a_cycle, pilot_ids

OURS = FactoryId("ours")
NEXT = "9998"
SCRIPT = '''
"""A schema that does not exist."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{next}", "{head}"

def upgrade() -> None:
    op.create_table("notes", sa.Column("text", sa.Text))
    with op.batch_alter_table("pilots") as pilots:
        pilots.alter_column("host", server_default="?")
    {last_step}
'''


def schema_of(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows: list[tuple[object, ...]] = []
    for table in sorted(tables):
        (rowid,) = connection.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).fetchone()
        rows.append((table, "without rowid", rowid))
        rows += [(table, *row) for row in connection.execute(f"PRAGMA table_info({table})")]
        rows += [(table, *row) for row in connection.execute(f"PRAGMA foreign_key_list({table})")]
    rows += connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
    ).fetchall()
    connection.close()
    return rows


async def test_a_fresh_database_equals_a_migrated_one(tmp_path: Path) -> None:
    fresh, migrated = tmp_path / "fresh.db", tmp_path / "migrated.db"
    store = await open_store(f"sqlite:///{fresh}", OURS, inline=True)
    await store.close()
    migrated.touch()
    database = Database(parse_place(f"sqlite:///{migrated}"), maintenance=True)
    database.write(migrate.run_migrations)
    assert schema_of(migrated) == schema_of(fresh)
    assert database.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    database.close()


def test_there_is_one_head_and_it_is_ours() -> None:
    scripts = ScriptDirectory(str(migrate.SCRIPTS))
    assert scripts.get_heads() == [head()]


async def test_nothing_to_upgrade(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/factory.db"
    await (await open_store(url, OURS, inline=True)).close()
    assert upgrade(url) is False
    assert schema_version(url) == head()


@pytest.fixture
async def older(tmp_path: Path) -> Path:
    """Return a store as this version makes it."""
    path = tmp_path / "factory.db"
    store = await open_store(f"sqlite:///{path}", OURS, inline=True)
    await store.plan(a_cycle(), pilot_ids(3), "schedd")
    await store.close()
    return path


@pytest.fixture
def next_version(older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Turn this version into the next one; return where to write its migration."""
    scripts = tmp_path / "scripts"
    shutil.copytree(migrate.SCRIPTS, scripts)
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    monkeypatch.setattr(examine, "SCHEMA", NEXT)
    migrate.known_revisions.cache_clear()
    yield scripts / "versions" / f"{NEXT}.py"
    migrate.known_revisions.cache_clear()


async def test_an_older_store_is_migrated_on_demand_with_all_it_holds(
    older: Path, next_version: Path
) -> None:
    next_version.write_text(SCRIPT.format(head=head(), next=NEXT, last_step=""))
    url = f"sqlite:///{older}"
    before = older.read_bytes()
    with pytest.raises(
        StoreRefused, match=rf"has schema {head()}, .*Stop the factory, make a backup.*apf db upgrade"
    ):
        await open_store(url, OURS, inline=True)
    assert older.read_bytes() == before
    assert upgrade(url) is True
    assert schema_version(url) == NEXT
    store = await open_store(url, OURS, inline=True)
    assert [pilot.id for pilot in await store.live()] == pilot_ids(3)
    assert len(await store.transitions(pilot_ids(3)[0])) == 1
    await store.close()


async def test_opening_may_upgrade(older: Path, next_version: Path) -> None:
    next_version.write_text(SCRIPT.format(head=head(), next=NEXT, last_step=""))
    url = f"sqlite:///{older}"
    store = await open_store(url, OURS, upgrade=True, inline=True)
    assert len(await store.live()) == 3
    await store.close()
    assert schema_version(url) == NEXT


@pytest.mark.parametrize(
    "last_step", ["op.execute('INSERT INTO nowhere VALUES (1)')", "op.execute('DELETE FROM pilots')"]
)
async def test_a_migration_that_fails_leaves_everything_as_it_was(
    older: Path, next_version: Path, last_step: str
) -> None:
    next_version.write_text(SCRIPT.format(head=head(), next=NEXT, last_step=last_step))
    url = f"sqlite:///{older}"
    schema = schema_of(older)
    with pytest.raises(StoreRefused):
        upgrade(url)
    assert schema_of(older) == schema
    assert schema_version(url) == head()
