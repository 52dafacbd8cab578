"""A file that is no sound store of this factory is refused with the way out, and not touched."""

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.model import FactoryId, PilotState, Transition
from autopyfactory.store import SqlStore, head, open_store, schema_version
from autopyfactory.testkit.store import NOW, a_cycle, pilot_ids

OURS = FactoryId("ours")


async def make(path: Path, pilots: int = 3) -> None:
    store = await opened(path)
    await store.plan(a_cycle(), pilot_ids(pilots), "schedd")
    await store.close()


async def opened(path: Path, factory: FactoryId | None = OURS, *, create: bool = True) -> SqlStore:
    return await open_store(f"sqlite:///{path}", factory, create=create, inline=True)


def sql(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def scribbled_over(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 4096 + content[4196:])


def someone_elses(path: Path) -> None:
    path.unlink()
    sql(path, "CREATE TABLE songs (name TEXT); CREATE TABLE alembic_version (version_num TEXT)")


def newer(path: Path) -> None:
    sql(path, "UPDATE alembic_version SET version_num = '9999'")


def half_migrated(path: Path) -> None:
    sql(path, "ALTER TABLE cycles DROP COLUMN note")


def half_migrated_from_above(path: Path) -> None:
    sql(path, "ALTER TABLE pilots ADD COLUMN colour TEXT")


def without_a_table(path: Path) -> None:
    sql(path, "DROP TABLE health")


def of_two_schemas(path: Path) -> None:
    sql(path, "INSERT INTO alembic_version VALUES ('0000')")


def without_schema_number(path: Path) -> None:
    sql(path, "DELETE FROM alembic_version")


def of_another_factory(path: Path) -> None:
    sql(path, "UPDATE meta SET value = 'theirs' WHERE key = 'factory'")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_short, "is cut short: 9000 bytes are left of .*; restore a backup"),
        (zeroed, "is no SQLite database; restore a backup"),
        (emptied, "is empty; restore a backup"),
        (scribbled_over, "is damaged .*restore a backup"),
        (someone_elses, "a database of something else .it holds alembic_version, songs"),
        (newer, f"schema 9999, which is newer than this version knows .{head()}..  Run the version"),
        (half_migrated, f"half migrated: it says schema {head()}, but cycles lacks note"),
        (half_migrated_from_above, f"half migrated: it says schema {head()}, but pilots has colour too many"),
        (without_a_table, "half migrated: .*health lacks"),
        (of_two_schemas, "half migrated: it has 2 schema numbers"),
        (without_schema_number, "half migrated: it has 0 schema numbers"),
        (
            of_another_factory,
            "belongs to factory 'theirs', not to 'ours'.  Set .factory. id back to 'theirs'",
        ),
    ],
)
async def test_a_spoilt_store_is_refused_untouched(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "factory.db"
    await make(path)
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match=says) as refused:
        await opened(path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


async def test_damage_found_later_stops_the_factory(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    await make(path, 2000)
    content = path.read_bytes()
    kept = 4096 * 60  # where the schema is
    path.write_bytes(content[:kept] + b"\xff" * (len(content) - kept))
    store = await opened(path)
    with pytest.raises(StoreRefused, match=r"is damaged .*adopted by their tags"):
        await store.live()
    await store.close()


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        StoreUnavailable, match=r"cannot be made: No such file or directory.  Its directory must"
    ):
        await opened(tmp_path / "nowhere" / "factory.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("factory", [OURS, None])
async def test_nothing_is_made_unless_asked_for(tmp_path: Path, factory: FactoryId | None) -> None:
    with pytest.raises(StoreUnavailable, match=r"there is no store at .*first `apf run`"):
        await opened(tmp_path / "factory.db", factory, create=False)
    with pytest.raises(StoreUnavailable, match="there is no store at"):
        schema_version(f"sqlite:///{tmp_path}/factory.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_reader_never_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no store"):
        await opened(tmp_path / "factory.db", None)


async def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"Is a directory.  It must be a file"):
        await opened(tmp_path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("factory.db", "cannot be read; expected sqlite:///FILE"),
        ("mysql://root:secret@db/apf", "cannot be kept in 'mysql'; expected sqlite"),
        ("sqlite://host/factory.db", "is no store's URL"),
        ("sqlite:///file:factory.db?uri=true", "is no store's URL"),
        ("sqlite:///factory.db?timeout=long", "is no store's URL"),
    ],
)
async def test_what_is_no_url_of_a_store(url: str, says: str) -> None:
    with pytest.raises(StoreRefused, match=says) as refused:
        await open_store(url, OURS)
    assert "secret" not in str(refused.value)


async def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreRefused, match=r"needs psycopg: pip install 'autopyfactory\[postgresql\]'"):
        await open_store("postgresql://apf@127.0.0.1:1/apf", OURS)


async def test_a_reader_reads_beside_the_factory_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    writer = await opened(path)
    await writer.plan(a_cycle(), pilot_ids(1), "schedd")
    reader = await opened(path, None, create=False)
    assert len(await reader.live()) == 1
    [name] = pilot_ids(1)
    with pytest.raises(StoreRefused, match="opened for reading only"):
        await reader.record([Transition(name, NOW, PilotState.DONE)])
    await writer.record([Transition(name, NOW, PilotState.DONE)])
    assert await reader.live() == []
    await reader.close()
    await writer.close()


async def test_a_file_that_is_replaced_in_use_is_not_written_to(tmp_path: Path) -> None:
    path, aside = tmp_path / "factory.db", tmp_path / "aside.db"
    store = await opened(path)
    path.rename(aside)
    with pytest.raises(StoreUnavailable, match=r"removed or replaced while in use.  Put it back"):
        await store.plan(a_cycle(), pilot_ids(1), "schedd")
    aside.rename(path)
    await store.plan(a_cycle(), pilot_ids(1), "schedd")
    assert len(await store.live()) == 1
    await store.close()


async def test_in_memory_it_lives_as_long_as_it_is_open() -> None:
    store = await open_store("sqlite://", OURS, inline=True)
    await store.plan(a_cycle(), pilot_ids(2), "schedd")
    with pytest.raises(ValueError):
        await store.plan(a_cycle(), pilot_ids(2), "schedd")
    assert len(await store.live()) == 2
    await store.close()


async def test_making_it_leaves_one_file(tmp_path: Path) -> None:
    store = await opened(tmp_path / "factory.db")
    await store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["factory.db"]
    assert schema_version(f"sqlite:///{tmp_path}/factory.db") == head()
