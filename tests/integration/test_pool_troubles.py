"""Boards and schedds that are killed or frozen under a running factory."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from board_process import BoardProcess
from condor_pool import Pool, new_factory, pool
from condor_view import CondorView
from factory_process import FactoryHome, frozen
from pilot_audit import audit, settle

pytestmark = pytest.mark.htcondor
__all__ = ["pool"]

QUIET_S = 4
"""So long nothing may be submitted, many cycles, while a number is unknown."""
FACTORIES = 3
MOST_TRIES = 6

CONFIG = """
[factory]
id = "{factory}"
log_dir = "{logs}"
settle_s = 3

[wms.board]
plugin = "board"
url = "{url}"
interval_s = 1
timeout_s = 3

[batch.pool]
plugin = "htcondor"
schedd = "{schedd}"
interval_s = 1
answer_within_s = 3
history_within_s = 60
log_dir_mode = "1777"
job_log = false

[queues.Q]
wms = "board"
batch = "pool"
enabled = {enabled}
interval_s = 0.5
sched = ["ready", {{max_per_cycle = {{maximum = {at_once}}}}}]
pilot = {{executable = "/bin/true", memory_mb = 16, disk_mb = 10, attributes = {{Requirements = "False"}}}}
"""


class Service:
    """A factory whose pilots stay in the schedd's queue, and what the schedd has of it."""

    def __init__(self, folder: Path, pool: Pool, board: BoardProcess, at_once: int) -> None:
        self.home = FactoryHome(folder)
        self._filled = {
            "factory": new_factory(),
            "logs": pool.folder(),
            "url": board.url,
            "schedd": pool.schedd,
            "at_once": at_once,
        }
        self.view = CondorView(pool, str(self._filled["factory"]))
        self.configure()

    def configure(self, *, enabled: bool = True) -> None:
        """Write the configuration."""
        text = CONFIG.format(**self._filled, enabled=str(enabled).lower())
        self.home.config.write_text(text)

    def jobs(self) -> int:
        """Count its jobs in the schedd's queue."""
        return sum(self.view.queued().values())

    def planned(self) -> int:
        """Count all pilots that it ever planned."""
        return len(self.home.pilots())

    def goes_on(self, within_s: float) -> None:
        """Wait until the schedd has more of its jobs than now."""
        before = self.jobs()
        self.home.wait(lambda: self.jobs() > before, "further pilots", within_s)

    def audit_in_the_end(self) -> int:
        """Settle all doubts without submitting any more, and return how many pilots exist."""
        self.home.stop()
        self.configure(enabled=False)
        settle(self.home)
        return audit(self.home, self.view.tags())


@pytest.fixture
def board(tmp_path: Path) -> Iterator[BoardProcess]:
    board = BoardProcess(tmp_path)
    with board.serving():
        board.submit("Q", 20_000, "/bin/true")
        yield board


@pytest.fixture
def service(tmp_path: Path, pool: Pool, board: BoardProcess) -> Iterator[Service]:
    service = Service(tmp_path, pool, board, 3)
    try:
        with service.home.running():
            service.goes_on(20)
            yield service
    finally:
        service.view.remove_all()


@pytest.fixture
def crowd(tmp_path: Path, pool: Pool, board: BoardProcess) -> Iterator[list[Service]]:
    """Several factories that submit much, so that a random moment hits a submission."""
    services = []
    for number in range(FACTORIES):
        folder = tmp_path / f"factory{number}"
        folder.mkdir()
        services.append(Service(folder, pool, board, 150))
    try:
        with ExitStack() as running:
            for service in services:
                running.enter_context(service.home.running())
            yield services
    finally:
        for service in services:
            service.view.remove_all()


def test_a_killed_board_is_unknown_until_it_is_back(service: Service, board: BoardProcess) -> None:
    home = service.home
    board.kill()
    home.wait(lambda: home.queue("Q")["jobs"]["ready"] is None, "the number to be unknown", 15)
    shown = home.queue("Q")
    assert "wms.board: older than 3 s" in shown["unknown"]
    assert board.url in shown["unknown"]
    assert shown["submit"] == 0
    (endpoint,) = [item for item in home.status()["endpoints"] if item["name"] == "wms.board"]
    assert endpoint["state"] == "failing"
    before = service.planned()
    time.sleep(QUIET_S)  # real time: this is what would show it
    assert service.planned() == before == service.jobs()
    board.start()
    service.goes_on(20)
    assert service.audit_in_the_end() > 3


def test_a_frozen_schedd_is_unknown_until_it_is_back(service: Service, pool: Pool) -> None:
    home = service.home
    with frozen(pool.pid("schedd")):
        home.wait(lambda: home.queue("Q")["pilots"] is None, "the number to be unknown", 20)
        home.wait(lambda: "no answer" in home.queue("Q")["unknown"], "the reason to be known", 20)
        assert "batch.pool: older than 3 s" in home.queue("Q")["unknown"]
        before = service.planned()
        time.sleep(QUIET_S)  # real time: this is what would show it
        assert service.planned() == before
    service.goes_on(60)
    assert service.audit_in_the_end() > 3


def test_submissions_in_flight_to_a_frozen_schedd_are_never_doubled(crowd: list[Service], pool: Pool) -> None:
    moments = random.Random()
    for tries in count(1):
        moments.choice(crowd).home.await_plan(20)
        time.sleep(moments.uniform(0, 0.1))
        with frozen(pool.pid("schedd")):
            time.sleep(5)  # real time: longer than answers are waited for
        hit = [service for service in crowd if "not confirmed" in service.home.said()]
        if hit or tries == MOST_TRIES:
            break
    assert hit, "no submission was ever under way"
    print(f"{len(hit)} submissions in flight after {tries} freezes")
    assert sum(service.audit_in_the_end() for service in crowd) > 0


def test_a_killed_schedd_loses_and_doubles_nothing(crowd: list[Service], pool: Pool) -> None:
    moments = random.Random()
    crowd[0].home.await_plan(20)
    for _ in range(2):
        time.sleep(moments.uniform(0, 0.1))
        os.kill(pool.pid("schedd"), signal.SIGKILL)
        time.sleep(5)  # real time: the master starts it again meanwhile
    for service in crowd:
        # a queue whose pilots were refused waits for a minute
        service.goes_on(120)
        assert service.audit_in_the_end() > 0
