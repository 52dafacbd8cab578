"""A store that takes no writes for a while: nothing is submitted, it is said why, and nothing is lost."""

import os
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest
from factory_process import APF, FactoryHome
from pilot_audit import audit, settle

QUIET_S = 3
"""So long nothing may be submitted, many cycles, while the store does not serve."""

CONFIG = """
[factory]
id = "troubled"
store = "sqlite:///{database}?timeout=0.5"
settle_s = 3

[wms.none]
plugin = "none"

[batch.here]
plugin = "local"
slots = 4
interval_s = 0.5

[queues.Q]
wms = "none"
batch = "here"
interval_s = 0.2
enabled = {enabled}
sched = [{{fixed = {{pilotspercycle = 1}}}}]
pilot = {{executable = "/bin/sh", arguments = ["-c", "echo $APF_PILOT >>{ran}"], memory_mb = 64}}
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Use up all room of a file system, also what becomes free meanwhile: SQLite empties its log at times."""
    over = threading.Event()

    def fill(file: IO[bytes]) -> None:
        while not over.is_set():
            with suppress(OSError):
                while file.write(b"\0" * 4096):
                    pass
            over.wait(0.01)

    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        filling = threading.Thread(target=fill, args=(file,))
        filling.start()
        try:
            yield
        finally:
            over.set()
            filling.join()
            filler.unlink()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold a transaction that keeps all others from writing."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def check_trouble(
    tmp_path: Path, database: Path, trouble: Callable[[], AbstractContextManager[None]], says: str
) -> None:
    home, ran = FactoryHome(tmp_path, database), tmp_path / "ran"
    ran.touch()

    def configure(enabled: str) -> None:
        home.config.write_text(CONFIG.format(database=database, enabled=enabled, ran=ran))

    def pilots() -> Counter[str]:
        return Counter(ran.read_text().split())

    configure("true")
    with home.running():
        home.wait(lambda: len(pilots()) > 3, "the first pilots", 30)
        with trouble():
            home.wait(lambda: says in home.store_trouble(), "status to tell of the trouble", 30)
            assert "store unavailable, nothing is submitted" in home.said()
            time.sleep(1)  # real time: what was submitted before gets to run
            before = pilots()
            time.sleep(QUIET_S)  # real time: this is what would show it
            assert pilots() == before
        home.wait(lambda: not home.store_trouble(), "the trouble to be over", 30)
        home.wait(lambda: len(pilots()) > len(before), "further pilots", 30)
        assert "the store serves again" in home.said()
        home.stop()
    configure("false")
    settle(home)
    deadline = time.monotonic() + 30
    while home.rows("SELECT 1 FROM pilots WHERE ended_at IS NULL") and time.monotonic() < deadline:
        settle(home)
    assert audit(home, pilots()) > 4


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    check_trouble(tmp_path, small_disk / "apf.db", lambda: full(small_disk), "disk is full")


def test_a_factory_does_not_start_on_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    home = FactoryHome(tmp_path, small_disk / "apf.db")
    home.config.write_text(CONFIG.format(database=home.database, enabled="true", ran=tmp_path / "ran"))
    with full(small_disk):
        argv = [*APF, "run", "--once", "--config", str(home.config)]
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert "make room" in ran.stderr
    assert "Traceback" not in ran.stderr
    with home.running():
        home.wait(lambda: len(home.pilots()) > 1, "the first pilots", 30)


def test_a_database_that_another_process_locks(tmp_path: Path) -> None:
    database = tmp_path / "apf.db"
    check_trouble(tmp_path, database, lambda: locked(database), "is locked by another process")
