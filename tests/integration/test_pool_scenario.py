"""The whole way on a real HTCondor pool: 1,000 waiting jobs, two factory queues, and what the schedd saw.

Half-way the board is killed with -9 and is away for some seconds.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from board_process import BoardProcess
from condor_pool import Pool, new_factory, pool
from condor_view import CondorView, JobTimes
from factory_process import FactoryHome

from autopyfactory.board import JobStatus as BoardStatus
from autopyfactory.schedd.jobs import JobStatus

pytestmark = pytest.mark.htcondor
__all__ = ["pool"]

JOBS = {"MANY": 650, "FEW": 350}
HALF_WAY = 400
AWAY_S = 3
SLOTS = 200
MAX_PER_CYCLE = 40
MAX_PENDING = 60
CYCLE_S = 2
BEHIND_S = 3 * CYCLE_S
"""A decision rests on answers that may be as old as a poll and a cycle, on a machine that is busy."""

CONFIG = """
[factory]
id = "{factory}"
log_dir = "{logs}"
state_dir = "{logs}/state"

[wms.board]
plugin = "board"
url = "{url}"
interval_s = 1

[batch.pool]
plugin = "htcondor"
schedd = "{schedd}"
interval_s = 1
log_dir_mode = "1777"
job_log = false

[profiles.all]
wms = "board"
batch = "pool"
interval_s = {cycle_s}
sched = [
    "ready", {{scale = {{factor = 0.5}}}},
    {{max_per_cycle = {{maximum = {max_per_cycle}}}}}, {{max_pending = {{maximum = {max_pending}}}}},
]

[profiles.all.pilot]
arguments = "--wrapperserverurl {{wms.url}} --wrapperwmsqueue {{wms_queue}} --max-payloads 4"
environment = {{PATH = "/usr/bin:/bin"}}
memory_mb = 100
disk_mb = 10

[queues.MANY]
extends = "all"
[queues.FEW]
extends = "all"
"""


@contextmanager
def sampled(view: CondorView) -> Iterator[list[Counter[tuple[str, JobStatus]]]]:
    """Ask the schedd again and again what it has in its queue."""
    samples: list[Counter[tuple[str, JobStatus]]] = []
    over = threading.Event()

    def sample() -> None:
        while not over.is_set():
            samples.append(view.queued())
            over.wait(0.5)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def highest(events: list[tuple[int, int]]) -> int:
    """Return the highest sum of (second, change), where decreases come first within a second."""
    level = top = 0
    for _, change in sorted(events):
        level += change
        top = max(top, level)
    return top


def test_a_thousand_jobs_through_two_queues(tmp_path: Path, pool: Pool) -> None:
    factory, logs = new_factory(), pool.folder()
    home, view, board = FactoryHome(tmp_path), CondorView(pool, factory), BoardProcess(tmp_path, lease_s=15)
    home.config.write_text(
        CONFIG.format(
            factory=factory,
            logs=logs,
            url=board.url,
            schedd=pool.schedd,
            cycle_s=CYCLE_S,
            max_per_cycle=MAX_PER_CYCLE,
            max_pending=MAX_PENDING,
        )
    )
    emptied_at: dict[str, float] = {}

    def finished() -> int:
        counts = {queue: board.jobs(queue) for queue in JOBS}
        for queue in JOBS:
            if counts[queue][BoardStatus.ACTIVATED]:
                emptied_at.pop(queue, None)
            else:
                emptied_at.setdefault(queue, time.time())
        return sum(count[BoardStatus.FINISHED] for count in counts.values())

    try:
        with board.serving(), sampled(view) as samples:
            for queue, n in JOBS.items():
                board.submit(queue, n, "/bin/sleep", "0.3")
            began = time.monotonic()
            with home.running():
                home.wait(lambda: finished() >= HALF_WAY, "half of the jobs to finish", 120)
                board.kill()
                time.sleep(AWAY_S)  # real time: pilots and factory go on meanwhile
                board.start()
                home.wait(lambda: finished() == sum(JOBS.values()), "all jobs to finish", 240)
                took_s = time.monotonic() - began
                home.wait(lambda: not view.queued(), "the last pilots to end", 60)
                home.wait(
                    lambda: not home.rows("SELECT 1 FROM pilots WHERE ended_at IS NULL"),
                    "the store to know it",
                    30,
                )
                home.stop()
        lives = view.lives()
    finally:
        view.remove_all()

    busiest = max(sum(sample[queue, JobStatus.RUNNING] for queue in JOBS) for sample in samples)
    print(
        f"{sum(JOBS.values())} jobs by {len(lives)} pilots in {took_s:.0f} s; at most {busiest} ran at once"
    )
    check_caps(lives, samples)
    for queue, at in emptied_at.items():
        late = [life for life in lives if life.queue == queue and life.queued > at + BEHIND_S]
        assert not late, f"{queue} was empty at {at} and got pilots"
    assert Counter(life.pilot for life in lives) == Counter(home.pilots().keys()), "each planned pilot once"
    # at least as many as the work needs, since each takes four jobs at most
    assert len(lives) >= sum(JOBS.values()) / 4


def check_caps(lives: list[JobTimes], samples: list[Counter[tuple[str, JobStatus]]]) -> None:
    """Hold the caps against what was seen while it ran, and against what the schedd's history says."""
    assert len(samples) > 10
    for sample in samples:
        assert all(sample[queue, JobStatus.IDLE] <= MAX_PENDING for queue in JOBS)
        assert sum(sample[queue, JobStatus.RUNNING] for queue in JOBS) <= SLOTS
        assert not any(sample[queue, JobStatus.HELD] for queue in JOBS)
    for queue in JOBS:
        ours = sorted((life for life in lives if life.queue == queue), key=lambda life: life.submission)
        pending = [(life.queued, +1) for life in ours] + [(life.started, -1) for life in ours if life.started]
        assert highest(pending) <= MAX_PENDING
        submissions = [list(group) for _, group in groupby(ours, key=lambda life: life.submission)]
        assert max(len(jobs) for jobs in submissions) <= MAX_PER_CYCLE
        times = [jobs[0].queued for jobs in submissions]
        assert all(later - earlier >= CYCLE_S - 1 for earlier, later in pairwise(times))
    running = [(life.started, +1) for life in lives if life.started]
    ended = [(life.ended, -1) for life in lives if life.started and life.ended]
    assert highest(running + ended) <= SLOTS
