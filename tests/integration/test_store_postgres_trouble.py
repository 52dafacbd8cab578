"""PostgreSQL that goes away, comes back, or is not ours; and the way to it and back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import database, needs_postgres
from sqlalchemy import Connection, create_engine, event, inspect, make_url, text

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.model import EndCause, EndpointHealth, FactoryId, PilotState, Transition
from autopyfactory.store import SqlStore, copy, head, migrate, open_store, schema_version, upgrade
from autopyfactory.store.database import Database
from autopyfactory.store.place import parse_place
from autopyfactory.store.tables import metadata
from autopyfactory.testkit.store import NOW, a_cycle, pilot_ids

__all__ = ["database"]
pytestmark = needs_postgres
OURS = FactoryId("ours")


def run(url: str, statement: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


async def session_of(store: SqlStore) -> int:
    return await store._read(lambda c: int(c.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()))


# --- away and back


async def test_a_server_that_was_restarted_between_two_calls_is_not_noticed(database: str) -> None:
    store = await open_store(database, OURS)
    await store.plan(a_cycle(), pilot_ids(1), "schedd")
    run(database, f"SELECT pg_terminate_backend({await session_of(store)})")
    assert len(await store.live()) == 1
    run(database, f"SELECT pg_terminate_backend({await session_of(store)})")
    await store.plan(a_cycle(), pilot_ids(1, seed=2), "schedd")
    assert len(await store.live()) == 2
    await store.close()


async def test_a_session_lost_within_a_transaction_keeps_nothing_of_it_and_starts_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_store(database, OURS)
    session = await session_of(store)
    add, tries = store._sql.add_transitions, 0

    def lose_the_first(connection: Connection, rows: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            run(database, f"SELECT pg_terminate_backend({session})")
        add(connection, rows)

    monkeypatch.setattr(store._sql, "add_transitions", lose_the_first)
    await store.plan(a_cycle(), pilot_ids(3), "schedd")
    assert tries == 2
    assert len(await store.live()) == 3
    assert len(await store.transitions(pilot_ids(3)[0])) == 1
    await store.close()


async def test_a_session_lost_at_the_commit_is_told(database: str) -> None:
    store = await open_store(database, OURS)
    session = await session_of(store)

    @event.listens_for(store._database.engine, "commit", once=True)
    def lose(_connection: Connection) -> None:
        run(database, f"SELECT pg_terminate_backend({session})")

    with pytest.raises(StoreUnavailable, match="may or may not have been kept"):
        await store.plan(a_cycle(), pilot_ids(3), "schedd")
    assert await store.live() == []
    await store.plan(a_cycle(), pilot_ids(3), "schedd")
    assert len(await store.live()) == 3
    await store.close()


class Line:
    """A line to the server that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection(*self._to)
        self._open |= {writer, there_writer}
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))

    def hang_up(self) -> None:
        self.cut = True
        for writer in self._open:
            writer.close()
        self._open.clear()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[tuple[Line, str]]:
    real = make_url(url)
    assert real.host
    assert real.port
    line = Line(real.host, real.port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield line, real.set(port=port).render_as_string(hide_password=False)
    finally:
        line.hang_up()
        server.close()


async def test_while_it_is_away_nothing_is_planned_and_on_it_goes_by_itself(database: str) -> None:
    async with line_to(database) as (line, url):
        store = await open_store(url, OURS)
        await store.plan(a_cycle(), pilot_ids(1), "schedd")
        line.hang_up()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="does not serve"):
                await store.plan(a_cycle(), pilot_ids(1, seed=2), "schedd")
            with pytest.raises(StoreUnavailable, match="does not serve"):
                await store.live()
        line.cut = False
        assert len(await store.live()) == 1
        await store.plan(a_cycle(), pilot_ids(1, seed=2), "schedd")
        assert len(await store.live()) == 2
        await store.close()


async def test_no_server_and_no_password_in_the_text() -> None:
    with pytest.raises(StoreUnavailable, match="does not serve") as unavailable:
        await open_store("postgresql://apf:secret@127.0.0.1:1/apf", OURS)
    assert "secret" not in str(unavailable.value)


# --- refused


async def test_another_factorys(database: str) -> None:
    await (await open_store(database, FactoryId("theirs"))).close()
    with pytest.raises(StoreRefused, match="belongs to factory 'theirs'"):
        await open_store(database, OURS)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer than this version knows"),
        ("ALTER TABLE cycles DROP COLUMN note", "half migrated: .*cycles lacks note"),
        ("DELETE FROM alembic_version", "half migrated: it has 0 schema numbers"),
        ("DROP TABLE meta", "a database of something else"),
    ],
)
async def test_a_spoilt_one_is_refused(database: str, statement: str, says: str) -> None:
    await (await open_store(database, OURS)).close()
    run(database, statement)
    with pytest.raises(StoreRefused, match=says):
        await open_store(database, OURS)


async def test_a_reader_makes_nothing_and_writes_nothing(database: str) -> None:
    with pytest.raises(StoreUnavailable, match="there is no store at"):
        await open_store(database, None)
    assert schema_version(database) is None
    store = await open_store(database, OURS)
    reader = await open_store(database, None)
    with pytest.raises(StoreRefused, match="opened for reading only"):
        await reader.plan(a_cycle(), pilot_ids(1), "schedd")
    await store.plan(a_cycle(), pilot_ids(1), "schedd")
    assert len(await reader.live()) == 1
    await reader.close()
    await store.close()


async def test_two_that_make_it_at_once(database: str) -> None:
    stores = await asyncio.gather(*(open_store(database, OURS) for _ in range(4)))
    await stores[0].plan(a_cycle(), pilot_ids(1), "schedd")
    assert len(await stores[1].live()) == 1
    for store in stores:
        await store.close()


# --- schema and copies


def schema_of(url: str) -> dict[str, object]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    inspector = inspect(engine)
    found: dict[str, object] = {
        table: (
            [str(sorted(column.items(), key=str)) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(str(index) for index in inspector.get_indexes(table)),
            [(key["referred_table"], key["options"]) for key in inspector.get_foreign_keys(table)],
        )
        for table in inspector.get_table_names()
    }
    engine.dispose()
    return found


async def test_a_fresh_database_equals_a_migrated_one(database: str) -> None:
    migrating = Database(parse_place(database), maintenance=True)
    migrating.write(migrate.run_migrations)
    assert migrating.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    migrating.close()
    migrated = schema_of(database)
    schema = str(make_url(database).query["options"]).removeprefix("-csearch_path=")
    run(database, f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}")
    await (await open_store(database, OURS)).close()
    assert schema_of(database) == migrated
    assert schema_version(database) == head()
    assert upgrade(database) is False


async def test_from_sqlite_and_back(database: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/factory.db"
    store = await open_store(url, OURS)
    names = pilot_ids(30)
    await store.plan(a_cycle(planned=30), names, "schedd")
    await store.record(
        [Transition(n, NOW, PilotState.DONE, cause=EndCause.EXIT, wall_s=1.5, empty=True) for n in names[:9]]
    )
    await store.save_health([EndpointHealth("wms.panda", NOW)])
    await store.close()

    copy(url, database, lambda *_: None)
    server = await open_store(database, OURS, create=False)
    assert (await server.find(names))[names[0]].wall_s == 1.5
    assert await server.cycle(a_cycle().queue) is not None
    copy(database, f"sqlite:///{tmp_path}/back.db", lambda *_: None)
    assert _dump(tmp_path / "back.db") == _dump(tmp_path / "factory.db")

    # the copy counts on where the original stopped
    later = a_cycle(at=NOW + timedelta(minutes=1))
    assert await server.plan(later, pilot_ids(1, seed=2), "schedd") == 2
    await server.close()
    with pytest.raises(StoreRefused, match="holds a store already"):
        copy(url, database, lambda *_: None)


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    lines = sorted(connection.iterdump())
    connection.close()
    return lines
