"""Two real factories on one PostgreSQL: kill -9, SIGSTOP beyond the lease, and a server that goes away."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_process import BoardProcess
from factory_process import APF, FactoryHome, frozen
from postgres_server import database, needs_postgres
from private_postgres import PrivateServer, private_server
from twin_factories import LEASE_S, Twins

__all__ = ["database", "private_server"]
pytestmark = needs_postgres

AT_ONCE = 10
"""Pilots that may live at once, in both queues of both factories."""

CONFIG = """
[factory]
id = "two"
store = "{store}"
shared = {shared}
lease_s = {lease_s}
log_dir = "{shared_folder}/logs"
state_dir = "state"
settle_s = 3
max_per_factory = {at_once}

[wms.board]
plugin = "board"
url = "{board}"
interval_s = 1

[batch.here]
plugin = "local"
slots = 4
interval_s = 0.5
max_pilots = {at_once}

[profiles.all]
wms = "board"
batch = "here"
interval_s = 0.3
enabled = {enabled}
sched = ["ready", {{max_per_cycle = {{maximum = 3}}}}, "max_per_factory"]
pilot = {{executable = "/bin/sh", arguments = ["-c", "{command}"], memory_mb = 64}}

[queues.A]
extends = "all"

[queues.B]
extends = "all"
"""

WAKE_S = LEASE_S / 3


def twin_factories(folder: Path, store: str, board: BoardProcess) -> Twins:
    command = f"echo $APF_PILOT >>{folder}/ran; sleep 0.3"
    return Twins(folder, store, CONFIG, at_once=AT_ONCE, command=command, board=board.url)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[BoardProcess]:
    """A board with more work than the pilots, which never ask for it, could do."""
    board = BoardProcess(tmp_path)
    with board.serving():
        for queue in ("A", "B"):
            board.submit(queue, 500, "true")
        yield board


def test_kill_9_of_the_owner(tmp_path: Path, database: str, board: BoardProcess) -> None:
    twins = twin_factories(tmp_path, database, board)
    first, second = twins.first, twins.second
    with twins.running():
        first.await_plan(30)
        first.await_plan(30)
        assert second.owns() == 0
        first.kill()
        killed = time.monotonic()
        second.wait(lambda: second.owns() == 2, "the second to own all queues", 2 * LEASE_S)
        took_s = time.monotonic() - killed
        print(f"taken over {took_s:.1f} s after kill -9, with a lease of {LEASE_S:g} s")
        assert took_s <= LEASE_S + 1  # the second that this machine may be busy
        assert {queue["owner"] for queue in second.status()["queues"]} == {
            row[0] for row in second.rows("SELECT owner FROM leases")
        }
        second.await_plan(30)
        for _ in range(20):
            assert second.live() <= AT_ONCE
            time.sleep(0.1)  # real time: to look at it again and again
        second.stop()
    assert second.rows("SELECT DISTINCT owner FROM leases") == [("",)]
    assert twins.audit() > AT_ONCE


def test_an_owner_that_is_stopped_for_longer_than_its_lease(
    tmp_path: Path, database: str, board: BoardProcess
) -> None:
    twins = twin_factories(tmp_path, database, board)
    owner, other = twins.first, twins.second
    with twins.running():
        for _ in range(int(os.environ.get("APF_STOPS", "3"))):
            owner.await_plan(30)  # so that many a stop comes between a plan and its submission
            with frozen(owner.pid):
                other.wait(lambda other=other: other.owns() == 2, "the other to take over", 3 * LEASE_S)  # type: ignore[misc]
                other.await_plan(30)
                silent = owner.log.stat().st_size
                os.kill(other.pid, signal.SIGSTOP)  # so that whatever is submitted now is the first's
                before = twins.submissions()
            time.sleep(WAKE_S)  # real time: in which it would submit
            submitted = twins.submissions() - before
            os.kill(other.pid, signal.SIGCONT)
            assert not submitted
            assert "another factory has taken" in owner.said(silent)
            assert other.owns() == 2
            assert other.live() <= AT_ONCE
            owner, other = other, owner
        owner.stop()
        other.stop()
    assert twins.audit() > AT_ONCE


def test_a_server_that_goes_away_and_comes_back(
    tmp_path: Path, private_server: PrivateServer, board: BoardProcess
) -> None:
    """On a store that was SQLite before: a factory alone, then copied, then two."""
    twins = twin_factories(tmp_path, private_server.url, board)
    first, second = twins.first, twins.second
    sqlite = f"sqlite:///{tmp_path}/apf.db"
    twins.configure(enabled=True, store=sqlite, shared=False)
    alone = FactoryHome(first.folder, tmp_path / "apf.db")
    with alone.running():
        alone.wait(lambda: len(alone.pilots()) > 5, "the first pilots", 30)
        alone.stop()
    apf(first, "db", "copy", private_server.url)
    assert set(first.pilots()) == set(alone.pilots())
    twins.configure(enabled=True)
    assert "nothing to do" in apf(first, "db", "upgrade")
    with twins.running():
        first.await_plan(30)
        private_server.down()
        first.wait(lambda: "store unavailable" in first.said(), "the first to notice", 30)
        assert first.store_trouble()
        before, noticed = twins.submissions(), time.monotonic()
        while time.monotonic() < noticed + LEASE_S:  # real time: in which more would be submitted
            assert twins.submissions() <= before
            time.sleep(0.05)
        ran = twins.ran()
        private_server.up()
        first.wait(lambda: first.owns() + second.owns() == 2, "owners", 3 * LEASE_S)
        first.wait(lambda: twins.ran() > ran, "more pilots", 60)
        first.stop()
        second.stop()
    assert twins.audit() > AT_ONCE


def apf(home: FactoryHome, *words: str) -> str:
    argv = [*APF, *words, "--config", str(home.config)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
