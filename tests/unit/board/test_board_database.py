import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.board import JobSpec, create_app, queue
from autopyfactory.board.database import Database


def _alter(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


async def _make(path: Path) -> None:
    await Database(path).close()


async def test_opens_its_own_file_again(tmp_path: Path) -> None:
    await _make(tmp_path / "b.db")
    await _make(tmp_path / "b.db")


async def test_refuses_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    await _make(path)
    _alter(path, "PRAGMA user_version=99")
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match="version 99, this program reads version 1"):
        Database(path)
    assert path.read_bytes() == before


def test_refuses_the_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    _alter(path, "CREATE TABLE precious (x)")
    with pytest.raises(StoreRefused, match="not a board database"):
        Database(path)


def test_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are no tables. " * 100)
    with pytest.raises(StoreRefused, match=r"notes\.txt"):
        create_app(path)
    assert path.read_text().startswith("These are no tables.")


def test_says_that_the_directory_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="see that the directory"):
        Database(tmp_path / "missing" / "b.db")


async def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "b.db")

    def fail(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half_done (x)"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(fail)
    tables = await database.run(lambda c: set(c.execute(text("SELECT name FROM sqlite_master")).scalars()))
    await database.close()
    assert "jobs" in tables
    assert "half_done" not in tables


async def test_a_locked_file_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.board.database._BUSY_S", 0.05)
    database = Database(tmp_path / "b.db")
    other = sqlite3.connect(tmp_path / "b.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await database.run(lambda _: None)
    other.execute("ROLLBACK")
    other.close()
    await database.run(lambda _: None)
    await database.close()


async def test_commits_are_synchronised_to_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / "b.db")
    modes = await database.run(
        lambda c: (
            c.execute(text("PRAGMA journal_mode")).scalar_one(),
            c.execute(text("PRAGMA synchronous")).scalar_one(),
        )
    )
    await database.close()
    assert modes == ("wal", 2)


async def test_a_full_disk_keeps_all_that_was_and_half_of_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "b.db")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    specs = [JobSpec(queue="Q", command="x" * 1000) for _ in range(500)]
    before = await database.run(lambda c: queue.submit(c, specs[:3], now))
    pages = await database.run(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())
    await database.run(lambda c: c.execute(text(f"PRAGMA max_page_count={pages + 5}")).scalar_one())
    with pytest.raises(StoreUnavailable, match=r"full; see that .* the disk has room"):
        await database.run(lambda c: queue.submit(c, specs, now))
    kept = await database.run(lambda c: queue.listing(c, None, None, None, 1000))
    await database.close()
    assert [job.job_id for job in kept] == before[::-1]
