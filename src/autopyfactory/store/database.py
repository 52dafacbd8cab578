"""One connection to a database, used by one thread at a time, in transactions that are kept or not."""

import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.store.failures import as_store_error, gone, lost_at_commit
from autopyfactory.store.place import Place

T = TypeVar("T")
Work = Callable[[Connection], T]

SQLITE_PRAGMAS = (
    "foreign_keys = ON",
    # a kill -9 loses nothing; a power loss may take the last commits, never the consistency: docs/adr/0003
    "synchronous = NORMAL",
    "journal_size_limit = 67108864",
    "cache_size = -16000",
    "temp_store = MEMORY",
)

# a server that is gone without a word must not hold the factory for the hours that TCP allows
_POSTGRES_CONNECT: dict[str, Any] = {
    "application_name": "autopyfactory",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# a process that is stopped, or a machine that is gone, in the middle of a change must not keep what it has
# locked: others that share the store would wait for it, and for longer than a lease
_POSTGRES_BEGIN = "SET LOCAL idle_in_transaction_session_timeout = '5s'"
_POSTGRES_LIMITS = "SET statement_timeout = '60s'; SET lock_timeout = '10s'"


SILENT_AFTER_S = 75.0
"""So long one call may take at PostgreSQL: more than the limit of any statement on a server that is alive."""


class Database:
    """A database.  Errors are `StoreUnavailable` and `StoreRefused`; after each the connection is a new one.

    ``read_only`` is kept by the database itself.  ``maintenance`` is for migrations and copies: no limit of
    time, and no enforcement of foreign keys, which would empty tables that a migration rebuilds.
    """

    def __init__(self, place: Place, *, read_only: bool = False, maintenance: bool = False) -> None:
        self.place = place
        self.read_only = read_only
        self._maintenance = maintenance
        self.engine = _engine(place, read_only=read_only, maintenance=maintenance)
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None

    def read(self, work: Work[T]) -> T:
        """Return what the work reads."""
        return self._run(work, "")

    def write(self, work: Work[T]) -> T:
        """Return the work's result once all that it wrote is kept; nothing is, where it raises."""
        # IMMEDIATE: two writers then queue up, instead of failing half-way when a reader becomes a writer
        begin = "BEGIN IMMEDIATE" if self.place.is_sqlite else "" if self._maintenance else _POSTGRES_BEGIN
        return self._run(work, begin, keep=True)

    def close(self) -> None:
        """Let go of the connection.  Twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, work: Work[T], begin: str, *, keep: bool = False) -> T:
        fresh = self._connection is None
        try:
            return self._attempt(work, begin, keep=keep)
        except _LostBeforeCommit as lost:
            if fresh:
                raise lost.meaning from lost.__cause__
        # the server was restarted since the last call: nothing of this one can have been kept
        try:
            return self._attempt(work, begin, keep=keep)
        except _LostBeforeCommit as lost:
            raise lost.meaning from lost.__cause__

    def _hang_up(self) -> None:
        """End the connection under a call that waits for a server that says nothing; from any thread."""
        connection = self._connection
        driver = connection.connection.dbapi_connection if connection is not None else None
        if driver is not None and not driver.closed:
            with socket.socket(fileno=os.dup(driver.fileno())) as line, suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _within_limit(self) -> Iterator[None]:
        if self.place.is_sqlite or self._maintenance:
            yield
            return
        # nobody but ourselves can tell a server that is frozen, or whose machine is, from one that works long
        timer = threading.Timer(SILENT_AFTER_S, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _attempt(self, work: Work[T], begin: str, *, keep: bool) -> T:
        committing = False
        try:
            connection = self._connect()
            with self._within_limit(), connection.begin() as transaction:
                if keep:
                    self._check_file()
                if begin:
                    connection.exec_driver_sql(begin)
                result = work(connection)
                committing = keep
                if not keep:
                    transaction.rollback()
            return result
        except DBAPIError as error:
            self._drop()
            meaning = as_store_error(error, self.place, read_only=self.read_only)
            if meaning is None:
                raise
            if error.connection_invalidated and isinstance(meaning, StoreUnavailable):
                if committing:
                    raise lost_at_commit(error, self.place) from error
                raise _LostBeforeCommit(meaning) from error
            raise meaning from error

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self.engine.connect()
            self._file = _identity(self.place.path)
        return self._connection

    def _check_file(self) -> None:
        # SQLite goes on writing to a file that nobody can find any more
        if self.place.path is not None and _identity(self.place.path) != self._file:
            raise gone(self.place)

    def _drop(self) -> None:
        # a failed COMMIT leaves its transaction open; closing rolls it back for certain
        if self._connection is not None and not self.place.in_memory:
            self._connection.invalidate()
            self.close()


class _LostBeforeCommit(Exception):
    """The connection broke, and certainly nothing was kept."""

    def __init__(self, meaning: StoreUnavailable) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning


def _identity(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _engine(place: Place, *, read_only: bool, maintenance: bool) -> Engine:
    if place.is_sqlite:
        engine = create_engine(
            "sqlite://",
            poolclass=NullPool,
            creator=lambda: sqlite_connection(place, "ro" if read_only else "rw"),
        )
        _on_connect(engine, _sqlite_settings(maintenance=maintenance))
        return engine
    try:
        engine = create_engine(
            place.url,
            poolclass=NullPool,
            paramstyle="format",
            connect_args={k: v for k, v in _POSTGRES_CONNECT.items() if k not in place.url.query},
        )
    except ModuleNotFoundError as error:
        raise StoreRefused(f"{place.shown} needs psycopg: pip install 'autopyfactory[postgresql]'") from error
    _on_connect(engine, _postgres_settings(read_only=read_only, maintenance=maintenance))
    return engine


def sqlite_connection(place: Place, mode: str) -> sqlite3.Connection:
    """Return a connection whose transactions are begun by SQL alone.

    ``mode`` is ``rw``, ``ro`` (never makes a file) or ``rwc``, or ``immutable``: as ``ro``, and without the
    least trace beside the file, but only for files that nobody writes to.
    """
    name = ":memory:"
    if place.path is not None:
        option = "immutable=1" if mode == "immutable" else f"mode={mode}"
        name = f"file:{quote(str(place.path))}?{option}"
    return sqlite3.connect(
        name,
        uri=place.path is not None,
        timeout=place.locked_after_s,
        isolation_level=None,
        check_same_thread=False,  # one thread at a time, but it is closed by another than it was made in
    )


def _sqlite_settings(*, maintenance: bool) -> str:
    chosen = [*SQLITE_PRAGMAS, "foreign_keys = OFF"] if maintenance else SQLITE_PRAGMAS
    return "".join(f"PRAGMA {pragma};" for pragma in chosen)


def _postgres_settings(*, read_only: bool, maintenance: bool) -> str:
    limits = "" if maintenance else _POSTGRES_LIMITS
    return limits + ("; SET default_transaction_read_only = on" if read_only else "")


def _on_connect(engine: Engine, settings: str) -> None:
    @event.listens_for(engine, "connect")
    def apply(connection: Any, _record: object) -> None:
        if engine.dialect.name == "sqlite":
            connection.executescript(settings)
        elif settings:
            with connection.cursor() as cursor:
                cursor.execute(settings)
            connection.commit()
