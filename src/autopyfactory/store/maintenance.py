"""What an operator does to a store by hand: ask its schema, migrate it, copy it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, func, insert, select

from autopyfactory.api import StoreRefused
from autopyfactory.model import FactoryId
from autopyfactory.store.database import Database
from autopyfactory.store.examine import Age, Found, check_age, check_factory, examine, missing
from autopyfactory.store.migrate import upgrade_place
from autopyfactory.store.opening import make_empty
from autopyfactory.store.place import Place, parse_place
from autopyfactory.store.tables import audit, cycles, metadata, version

Progress = Callable[[str, int, int], None]
"""Called with table, rows copied so far, rows in all."""

_ROWS_AT_ONCE = 5000


def schema_version(url: str) -> str | None:
    """Return the schema of a store; None where the database is empty.

    Raises `StoreUnavailable` and `StoreRefused` as `open_store` does.
    """
    return examine(parse_place(url)).schema


def upgrade(url: str, factory: FactoryId | None = None) -> bool:
    """Migrate a store to the present schema; return whether there was anything to do.

    ``factory``: whose it must be.  Raises `StoreUnavailable` and `StoreRefused`: then it is as it was.
    """
    place = parse_place(url)
    found = _existing(place, factory)
    if found.age is Age.HEAD:
        return False
    upgrade_place(place)
    return True


def copy(source_url: str, target_url: str, progress: Progress, factory: FactoryId | None = None) -> None:
    """Copy a whole store into an empty place, from and to either kind of database.

    One transaction on either side: a consistent picture of the source, and all of it in the target or
    nothing.  Raises `StoreUnavailable`, and `StoreRefused` where the target holds anything already or the
    source has an older schema or is not this ``factory``'s.
    """
    source_place, target_place = parse_place(source_url), parse_place(target_url)
    check_age(_existing(source_place, factory), source_place)
    make_empty(target_place)
    source = Database(source_place, read_only=True, maintenance=True)
    target = Database(target_place, maintenance=True)
    try:
        source.read(
            lambda reading: target.write(lambda writing: _copy(reading, writing, target_place, progress))
        )
    finally:
        source.close()
        target.close()


def _existing(place: Place, factory: FactoryId | None) -> Found:
    found = examine(place)
    if found.age is Age.EMPTY:
        raise missing(place)
    check_factory(found, factory, place)
    return found


def _copy(source: Connection, target: Connection, place: Place, progress: Progress) -> None:
    _begin_snapshot(source)
    tables = [table for table in metadata.sorted_tables if table is not version]
    if any(_count(target, table) for table in tables):
        raise StoreRefused(f"{place.shown} holds a store already.  Name an empty database, or empty that one")
    for table in tables:
        _copy_table(source, target, table, progress)
    _resume_counting(target)
    for table in tables:
        read, written = _count(source, table), _count(target, table)
        if read != written:
            raise StoreRefused(
                f"{place.shown}: {written} of {read} rows of {table.name} arrived; nothing was kept"
            )


def _copy_table(source: Connection, target: Connection, table: Table, progress: Progress) -> None:
    total, done = _count(source, table), 0
    progress(table.name, done, total)
    reading = source.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE)
    rows = iter(reading.execute(select(table)).mappings())
    while some := _some(rows):
        target.execute(insert(table), some)
        done += len(some)
        progress(table.name, done, total)


def _some(rows: Iterator[RowMapping]) -> Sequence[dict[str, Any]]:
    return [dict(row) for row in islice(rows, _ROWS_AT_ONCE)]


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _begin_snapshot(source: Connection) -> None:
    if source.dialect.name == "sqlite":
        source.exec_driver_sql("BEGIN")
    else:
        source.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _resume_counting(target: Connection) -> None:
    """Let the ids that the database counts go on after the copied ones; SQLite does so by itself."""
    if target.dialect.name == "postgresql":
        for table in (cycles, audit):
            last = target.execute(select(func.max(table.c.id))).scalar()
            if last is not None:
                target.execute(
                    select(func.setval(func.pg_get_serial_sequence(table.name, table.c.id.name), last))
                )
