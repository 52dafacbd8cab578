"""Two real factories on one PostgreSQL and a real HTCondor pool, with a local batch system beside it."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from board_process import BoardProcess
from condor_pool import Pool, new_factory, pool
from condor_view import CondorView
from factory_process import frozen
from pilot_audit import audit
from postgres_server import needs_postgres
from private_postgres import PrivateServer, private_server
from twin_factories import LEASE_S, Twin, Twins

__all__ = ["pool", "private_server"]
pytestmark = [pytest.mark.htcondor, *needs_postgres]

AT_POOL = 20
IN_ALL = 28
"""Less than what may be at both batch systems, and so little that it is reached on the busiest machine."""
QUEUES = ("A", "B", "C")

CONFIG = """
[factory]
id = "{factory}"
store = "{store}"
shared = {shared}
lease_s = {lease_s}
log_dir = "{logs}"
state_dir = "state"
settle_s = 5
max_per_factory = {in_all}

[wms.board]
plugin = "board"
url = "{board}"
interval_s = 1

[batch.pool]
plugin = "htcondor"
schedd = "{schedd}"
interval_s = 1
log_dir_mode = "1777"
job_log = false
max_pilots = {at_pool}

[batch.here]
plugin = "local"
slots = 4
interval_s = 1
max_pilots = 10

[profiles.all]
wms = "board"
batch = "pool"
interval_s = 0.5
enabled = {enabled}
sched = ["ready", {{max_per_cycle = {{maximum = 10}}}}, "max_per_factory"]

[profiles.all.pilot]
executable = "/bin/sh"
arguments = ["-c", "sleep 1"]
memory_mb = 16
disk_mb = 10

[queues.A]
extends = "all"

[queues.B]
extends = "all"

[queues.C]
extends = "all"
batch = "here"
pilot = {{arguments = ["-c", "echo $APF_PILOT >>{shared_folder}/ran; sleep 1"]}}
"""


class Stage:
    """Both factories, and the batch systems' own view of their pilots."""

    def __init__(self, folder: Path, pool: Pool, server: PrivateServer, board: BoardProcess) -> None:
        factory = new_factory()
        self.server = server
        self.view = CondorView(pool, factory)
        self.twins = Twins(
            folder,
            server.url,
            CONFIG,
            factory=factory,
            logs=pool.folder(),
            schedd=pool.schedd,
            board=board.url,
            at_pool=AT_POOL,
            in_all=IN_ALL,
        )
        self.most_at_pool = self.most_in_all = 0

    def look(self) -> set[str]:
        """Return what is at the pool and here at this moment, and keep how much it was at the most."""
        at_pool = set(self.view.queued_tags())
        here = self.twins.submissions()
        self.most_at_pool = max(self.most_at_pool, len(at_pool))
        self.most_in_all = max(self.most_in_all, len(at_pool) + len(here))
        return at_pool | here

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look again and again."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.3):
                self.look()

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()


@pytest.fixture
def stage(tmp_path: Path, pool: Pool, private_server: PrivateServer) -> Iterator[Stage]:
    board = BoardProcess(tmp_path)
    with board.serving():
        for queue in QUEUES:
            board.submit(queue, 500, "true")
        stage = Stage(tmp_path, pool, private_server, board)
        yield stage
        stage.view.remove_all()


def test_kills_stops_and_a_server_that_goes_away(stage: Stage) -> None:
    twins = stage.twins
    with twins.running(len(QUEUES)), stage.watched():
        killed_amid_submissions(twins.first, twins.second)
        twins.first.start()
        stopped_for_longer_than_its_lease(stage, twins.second, twins.first)
        without_the_server(stage)
        for twin in (twins.first, twins.second):
            twin.stop()
    assert AT_POOL / 2 < stage.most_at_pool <= AT_POOL
    assert IN_ALL / 2 < stage.most_in_all <= IN_ALL
    twins.come_to_rest()
    assert audit(twins.second, stage.view.tags() + twins.ran()) > IN_ALL
    assert "did not know" not in twins.first.said()


def killed_amid_submissions(owner: Twin, other: Twin) -> None:
    owner.await_plan(30)
    owner.await_plan(30)
    time.sleep(random.uniform(0, 0.1))  # real time: it is the moment that is tested
    owner.kill()
    killed = time.monotonic()
    takes_over(other)
    assert time.monotonic() - killed <= LEASE_S + 2  # the seconds that this machine may be busy
    other.await_plan(30)


def stopped_for_longer_than_its_lease(stage: Stage, owner: Twin, other: Twin) -> None:
    owner.await_plan(30)
    with frozen(owner.pid):
        takes_over(other)
        other.await_plan(30)
        os.kill(other.pid, signal.SIGSTOP)  # so that whatever is submitted from now on is the first's
        time.sleep(1)  # real time: what the other one's worker was told to submit is there by then
        before = stage.look()
        planned = set(owner.pilots())
    time.sleep(LEASE_S / 3)  # real time: in which it would submit
    submitted = stage.look() - before
    assert set(owner.pilots()) == planned
    os.kill(other.pid, signal.SIGCONT)
    assert not submitted
    assert "another factory has taken" in owner.said()


def without_the_server(stage: Stage) -> None:
    first, second = stage.twins.first, stage.twins.second
    first.await_plan(30)
    stage.server.down()
    noticed = "store unavailable"
    first.wait(lambda: noticed in first.said() or noticed in second.said(), "one to notice", 30)
    time.sleep(1)  # real time: for what was on its way
    before, until = stage.look(), time.monotonic() + LEASE_S
    while time.monotonic() < until:
        assert stage.look() <= before
        time.sleep(0.3)  # real time: in which more would be submitted
    stage.server.up()
    first.wait(lambda: first.owns() + second.owns() == len(QUEUES), "owners", 3 * LEASE_S)
    first.await_plan(60)


def takes_over(other: Twin) -> None:
    other.wait(lambda: other.owns() == len(QUEUES), "the other to take over", 3 * LEASE_S)
