"""What a database holds, found out without touching it, and whether a factory may use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, Table, create_engine, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.model import FactoryId
from autopyfactory.store.database import Database, sqlite_connection
from autopyfactory.store.failures import as_store_error
from autopyfactory.store.migrate import known_revisions
from autopyfactory.store.place import Place
from autopyfactory.store.tables import FACTORY_KEY, SCHEMA, meta, metadata, version

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_RESTORE = "restore a backup, or move it away and start anew (docs/reference/store.md)"


class Age(Enum):
    """How a schema compares with the one that this version works with."""

    EMPTY = "empty"
    OLDER = "older"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Found:
    """A database that is a store, or may become one."""

    age: Age
    schema: str | None = None
    factory: str | None = None


def examine(place: Place) -> Found:
    """Return what is there.

    Raises `StoreUnavailable` where it cannot be read, `StoreRefused` where it is no store, damaged, half
    migrated or newer than this version.
    """
    if not place.is_sqlite:
        database = Database(place, read_only=True)
        try:
            return database.read(lambda connection: _judge(connection, place))
        finally:
            database.close()
    if place.path is None:
        return Found(Age.EMPTY)
    _check_header(place.path, place)
    # a file without a -wal has no writer at present: so even a stranger's is left without a trace
    mode = "ro" if _wal(place.path).exists() else "immutable"
    engine = create_engine("sqlite://", poolclass=NullPool, creator=lambda: sqlite_connection(place, mode))
    try:
        with engine.connect() as connection:
            return _judge(connection, place)
    except DBAPIError as error:
        meaning = as_store_error(error, place, read_only=True)
        raise meaning if meaning else error from error


def check_factory(found: Found, factory: FactoryId | None, place: Place) -> None:
    """Raise `StoreRefused` where the store belongs to another factory; None is anybody's reader."""
    if factory is not None and found.factory != factory:
        raise StoreRefused(
            f"{place.shown} belongs to factory {found.factory!r}, not to {factory!r}.  Set [factory] id "
            f"back to {found.factory!r}, or give {factory!r} a store of its own in [factory] store"
        )


def check_age(found: Found, place: Place) -> None:
    """Raise `StoreRefused` where the store must be upgraded first."""
    if found.age is Age.OLDER:
        raise StoreRefused(
            f"{place.shown} has schema {found.schema}, this version works with {SCHEMA}.  Stop the factory, "
            "make a backup, then run: apf db upgrade"
        )


def missing(place: Place) -> StoreUnavailable:
    """Return the error for a store that is not there."""
    return StoreUnavailable(
        f"there is no store at {place.shown}.  It is made by the first `apf run`; or [factory] store names "
        "another"
    )


def _judge(connection: Connection, place: Place) -> Found:
    names = set(inspect(connection).get_table_names())
    if not names:
        return Found(Age.EMPTY)
    if version.name not in names or meta.name not in names:
        raise StoreRefused(
            f"{place.shown} is a database of something else (it holds {', '.join(sorted(names)[:3])}, …).  "
            "Let [factory] store name one of its own"
        )
    revisions = connection.execute(select(version.c.version_num)).scalars().all()
    if len(revisions) != 1:
        raise StoreRefused(
            f"{place.shown} is half migrated: it has {len(revisions)} schema numbers; {_RESTORE}"
        )
    factory = connection.execute(select(meta.c.value).where(meta.c.key == FACTORY_KEY)).scalar()
    if revisions[0] == SCHEMA:
        _check_columns(connection, names, place)
        return Found(Age.HEAD, SCHEMA, factory)
    if revisions[0] in known_revisions():
        return Found(Age.OLDER, revisions[0], factory)
    raise StoreRefused(
        f"{place.shown} has schema {revisions[0]}, which is newer than this version knows ({SCHEMA}).  Run "
        "the version of AutoPyFactory that wrote it, or restore the backup from before its upgrade"
    )


def _check_columns(connection: Connection, names: set[str], place: Place) -> None:
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        found = (
            [column["name"] for column in inspector.get_columns(table.name)] if table.name in names else []
        )
        difference = _difference(table, found)
        if difference:
            raise StoreRefused(
                f"{place.shown} is half migrated: it says schema {SCHEMA}, but {difference}; {_RESTORE}"
            )


def _difference(table: Table, found: Sequence[str]) -> str:
    expected = {column.name for column in table.c}
    if lacking := sorted(expected - set(found)):
        return f"{table.name} lacks {', '.join(lacking)}"
    if surplus := sorted(set(found) - expected):
        return f"{table.name} has {', '.join(surplus)} too many"
    return ""


# --- the file


def _check_header(path: Path, place: Place) -> None:
    """Refuse what is certainly no whole SQLite database, before SQLite makes anything beside it."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise missing(place) from error
    except OSError as error:
        raise StoreUnavailable(
            f"{place.shown} cannot be read: {error.strerror}.  It must be a file of the factory's user"
        ) from error
    if not header.startswith(_MAGIC):
        what = "is empty" if size == 0 else "is no SQLite database"
        raise StoreRefused(f"{place.shown} {what}; {_RESTORE}")
    if not _wal(path).exists() and size < _promised_bytes(header):
        raise StoreRefused(
            f"{place.shown} is cut short: {size} bytes are left of {_promised_bytes(header)}; {_RESTORE}"
        )


def _promised_bytes(header: bytes) -> int:
    # https://www.sqlite.org/fileformat.html: page size at 16 (1 means 65536), size in pages at 28
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
