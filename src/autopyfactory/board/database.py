"""The board's SQLite file: tables, opening, and one thread through which every transaction goes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DatabaseError, OperationalError

from autopyfactory.api import StoreRefused, StoreUnavailable

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x41504642  # "APFB", so that another program's database is recognized
_BUSY_S = 5

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("kill", Boolean, nullable=False),
    Column("lease_until", Float),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("name", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("exit_code", Integer),
    Column("diag", Text, nullable=False),
    Column("result", Text),
    # last, so that a scan of the other columns never reads its overflow pages
    Column("spec", Text, nullable=False),
    sqlite_autoincrement=True,  # an id is never given twice
)
# Serves the choice of the next job and, since it covers them, the statistics.
Index(
    "jobs_by_queue",
    jobs.c.queue,
    jobs.c.status,
    jobs.c.priority.desc(),
    jobs.c.id,
    jobs.c.cores,
    jobs.c.memory_mb,
)
Index("jobs_by_lease", jobs.c.lease_until, sqlite_where=jobs.c.lease_until.is_not(None))

T = TypeVar("T")


class Database:
    """Runs transactions one after the other, off the event loop.

    A transaction that has returned survives the death of this process and of the machine: the journal is
    written ahead (WAL) and synchronised to disk at every commit (``synchronous=FULL``; ``NORMAL`` would
    outlive a kill, yet lose acknowledged jobs in a power cut).
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises `StoreUnavailable` where it cannot be opened at present, `StoreRefused` where it is not a
        board's database or one of another version.
        """
        self._path = path
        self._engine = _engine(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="board-db")
        try:
            self._thread.submit(self._transaction, _prepare).result()
        except BaseException:
            self._dispose()
            raise

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction of its own and return what it returns, once it is durable.

        Raises `StoreUnavailable`; nothing was changed then.  A caller that gives up while it waits does not
        undo the work.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await asyncio.to_thread(self._dispose)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except OperationalError as error:
            raise StoreUnavailable(
                f"{self._path}: {error.orig}; see that the directory is writable, the disk has room and no "
                "other program holds the file"
            ) from error
        except DatabaseError as error:
            raise StoreRefused(
                f"{self._path}: {error.orig}; restore the file from a copy, or start with another one"
            ) from error

    def _dispose(self) -> None:
        self._thread.shutdown(wait=True)
        self._engine.dispose()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # one connection, used by one thread at a time
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": _BUSY_S, "check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # takes the write lock at once: a transaction that reads first could fail when it comes to write
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _prepare(connection: Connection) -> None:
    application = connection.execute(text("PRAGMA application_id")).scalar_one()
    version = connection.execute(text("PRAGMA user_version")).scalar_one()
    path = connection.engine.url.database
    tables = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
    if application == _APPLICATION_ID and version == SCHEMA_VERSION:
        return
    if application == _APPLICATION_ID:
        raise StoreRefused(
            f"{path}: a board database of version {version}, this program reads version {SCHEMA_VERSION}; "
            "use the release that wrote it, or start with another file"
        )
    if tables:
        raise StoreRefused(f"{path}: not a board database; name another file")
    metadata.create_all(connection)
    connection.execute(text(f"PRAGMA application_id={_APPLICATION_ID}"))
    connection.execute(text(f"PRAGMA user_version={SCHEMA_VERSION}"))
