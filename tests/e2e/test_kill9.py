"""kill -9 of the factory at random moments: afterwards exactly the planned pilots exist.

``APF_KILLS`` says how often, ``APF_SEED`` repeats the moments of an earlier run.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from condor_pool import Pool, new_factory, pool
from condor_view import CondorView
from factory_process import FactoryHome
from pilot_audit import audit, settle

from autopyfactory.api import Context, SystemClock
from autopyfactory.batch.local import LocalBatch, LocalSettings
from autopyfactory.model import FactoryId, PilotId

__all__ = ["pool"]

KILLS = int(os.environ.get("APF_KILLS", "6"))
LONGEST_LIFE_S = 1.0
"""So long after it has read its store a factory lives at most that is killed anywhere."""

CONFIG = """
[factory]
id = "{factory}"
log_dir = "{logs}"
settle_s = 3

[wms.none]
plugin = "none"

[batch.there]
interval_s = 0.5
{batch}

[queues.doomed]
wms = "none"
batch = "there"
interval_s = 0.1
enabled = {enabled}
sched = [{{fixed = {{pilotspercycle = {at_once}}}}}]
pilot = {{memory_mb = 64, {pilot}}}
"""


@pytest.fixture
def moments() -> random.Random:
    seed = int(os.environ.get("APF_SEED") or random.SystemRandom().getrandbits(32))
    print(f"APF_SEED={seed}")
    return random.Random(seed)


def kill_again_and_again(home: FactoryHome, moments: random.Random, submission_s: float) -> None:
    """Kill factories, four of five within ``submission_s`` after they planned pilots, the others anywhere.

    Every run begins with what the one before left behind.
    """
    hits, known = [], set[str]()
    for _ in range(KILLS):
        home.start()
        # real time: it is the moment that is tested
        if moments.random() < 0.8:
            home.await_plan(within_s=30)
            time.sleep(moments.uniform(0, submission_s))
        else:
            time.sleep(moments.uniform(0, LONGEST_LIFE_S))
        home.kill()
        planned = {name for name, pilot in home.pilots().items() if pilot.state == "planned"}
        hits.append(len(planned - known))
        known |= planned
    print(f"{KILLS} kills, {len(hits) - hits.count(0)} of them in the middle of a submission, which left")
    print(f"{sum(hits)} pilots unconfirmed")


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[], list[str]]:
    """A file in which every pilot notes that it runs."""
    file = tmp_path / "ran"
    file.touch()
    return lambda: file.read_text().split()


async def test_local_pilots_exist_exactly_as_planned(
    tmp_path: Path, moments: random.Random, ran: Callable[[], list[str]]
) -> None:
    home = FactoryHome(tmp_path)
    factory = FactoryId("doomed")

    def configure(enabled: str) -> None:
        home.config.write_text(
            CONFIG.format(
                factory=factory,
                logs=tmp_path / "logs",
                batch='plugin = "local"\nslots = 8',
                enabled=enabled,
                at_once=5,
                pilot=f'executable = "/bin/sh", arguments = ["-c", "echo $APF_PILOT >>{tmp_path}/ran"]',
            )
        )

    configure("true")
    await asyncio.to_thread(kill_again_and_again, home, moments, 0.015)
    configure("false")
    await asyncio.to_thread(settle, home)

    context = Context(factory, "there", tmp_path / "state", SystemClock())
    batch = LocalBatch(LocalSettings(slots=8), context)
    async with asyncio.timeout(120):
        while await batch.status():
            await asyncio.sleep(0.2)
    endings = await batch.ended([PilotId(name) for name in home.pilots()])
    there = Counter(ran())
    assert set(there) == set(endings), "what ran is what the batch system says has ended"
    assert audit(home, there) > KILLS, "too little was done to say anything"


@pytest.mark.htcondor
def test_condor_jobs_exist_exactly_as_planned(tmp_path: Path, moments: random.Random, pool: Pool) -> None:
    home = FactoryHome(tmp_path)
    factory = new_factory()
    logs = pool.folder()
    schedd = f'plugin = "htcondor"\nschedd = "{pool.schedd}"\nlog_dir_mode = "1777"\njob_log = false'

    def configure(enabled: str) -> None:
        home.config.write_text(
            CONFIG.format(
                factory=factory,
                logs=logs,
                batch=schedd,
                enabled=enabled,
                at_once=150,
                pilot='executable = "/bin/true", attributes = {Requirements = "False"}',
            )
        )

    view = CondorView(pool, factory)
    try:
        configure("true")
        kill_again_and_again(home, moments, 0.12)
        configure("false")
        settle(home)
        assert audit(home, view.tags()) > KILLS, "too little was done to say anything"
    finally:
        view.remove_all()
