"""Opening a store: check first, touch afterwards."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, insert

from autopyfactory.api import StoreUnavailable
from autopyfactory.model import FactoryId
from autopyfactory.store.database import Database
from autopyfactory.store.examine import Age, check_age, check_factory, examine, missing
from autopyfactory.store.migrate import lock_schema, upgrade_place
from autopyfactory.store.place import Place, parse_place
from autopyfactory.store.sql import SqlStore, Stopwatch
from autopyfactory.store.tables import FACTORY_KEY, SCHEMA, meta, metadata, version


async def open_store(
    url: str,
    factory: FactoryId | None,
    *,
    create: bool = True,
    upgrade: bool = False,
    inline: bool = False,
    timed: Stopwatch | None = None,
) -> SqlStore:
    """Open the store of a factory, making it where there is none.

    ``factory=None`` reads any factory's store: nothing can be written through it, and none is made.
    ``create=False``: it must be there.  ``upgrade=True``: an older schema is migrated first, instead of
    refused.  ``inline=True``: the SQL runs in the caller's thread; otherwise each call is ``timed``.

    Raises `StoreUnavailable` and `StoreRefused`; a store that is refused has not been touched.
    """
    place = parse_place(url)
    thread = None if inline else ThreadPoolExecutor(1, thread_name_prefix="store")
    try:
        if thread is None:
            database = _open(place, factory, create=create, upgrade=upgrade)
        else:
            loop = asyncio.get_running_loop()
            database = await loop.run_in_executor(
                thread, lambda: _open(place, factory, create=create, upgrade=upgrade)
            )
    except BaseException:
        if thread is not None:
            thread.shutdown(wait=False)
        raise
    return SqlStore(database, thread, timed)


def _open(place: Place, factory: FactoryId | None, *, create: bool, upgrade: bool) -> Database:
    make_for = factory if create else None
    if place.path is not None and not place.path.exists() and make_for is not None:
        _make_file(place, place.path, make_for)
    found = examine(place)
    if found.age is Age.EMPTY:
        if make_for is None:
            raise missing(place)
        return _filled(Database(place), make_for)
    check_factory(found, factory, place)
    if found.age is Age.OLDER and upgrade:
        upgrade_place(place)
    else:
        check_age(found, place)
    database = Database(place, read_only=factory is None)
    try:
        database.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
    except BaseException:
        database.close()
        raise
    return database


def make_empty(place: Place) -> None:
    """Make tables for a copy to fill where there are none; what is there already stays."""
    if place.path is not None and not place.path.exists():
        _make_file(place, place.path, None)
    if not place.in_memory and examine(place).age is Age.EMPTY:
        _filled(Database(place), None).close()


def _make_file(place: Place, path: Path, factory: FactoryId | None) -> None:
    """Make a store under another name and link it into place: it is there as a whole, or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.unlink(missing_ok=True)  # left by a process of the same number that was killed
        beside.touch()
        database = Database(Place(place.url, place.shown, beside))
        # what only an empty file takes, and what stays with it
        database.read(lambda c: c.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL"))
        _filled(database, factory)
        database.read(lambda c: c.exec_driver_sql("PRAGMA journal_mode = WAL"))
        database.close()
        with suppress(FileExistsError):  # another process was faster: its store is examined like any other
            os.link(beside, path)
    except OSError as error:
        raise StoreUnavailable(
            f"{place.shown} cannot be made: {error.strerror}.  Its directory must exist and "
            "be the factory user's"
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def _filled(database: Database, factory: FactoryId | None) -> Database:
    """Make the tables in an empty database; ``factory`` None leaves it nobody's, for a copy to fill."""

    def work(connection: Connection) -> None:
        lock_schema(connection)
        metadata.create_all(connection)
        if connection.execute(version.select()).first() is None:
            connection.execute(insert(version).values(version_num=SCHEMA))
            if factory is not None:
                connection.execute(insert(meta).values(key=FACTORY_KEY, value=factory))

    try:
        database.write(work)
    except BaseException:
        database.close()
        raise
    return database
