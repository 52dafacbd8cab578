"""HTCondor: submissions and listings beside the bare bindings, in one run, on a real pool.

Needs the pool of ``testbed/htcondor``; nothing runs on it, all jobs wait and are removed at the end.
"""

import asyncio
import os
import random
import shutil
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autopyfactory.api import Context, SystemClock
from autopyfactory.batch.htcondor import HTCondorBatch
from autopyfactory.batch.htcondor_listing import DETAILS, live_jobs
from autopyfactory.batch.htcondor_submit import PILOT, Submitter, items, submit_description
from autopyfactory.model import Ending, FactoryId, PilotId, PilotIds, PilotSpec, QueueName
from autopyfactory.schedd.changes import SINCE, STATUS

SUBMITTED, PER_CALL = 10_000, 1_000
LISTED, QUEUES, LISTING_ROUNDS = 20_000, 500, 25
TICK_S = 0.005


def run() -> dict[str, float]:
    """Return figures by name; times in seconds, rates in pilots a second."""
    needed()
    return asyncio.run(_run())


def needed() -> None:
    """End with a clear text where there is no pool."""
    missing = [
        name for name in ("APF_TEST_HTCONDOR_POOL", "APF_TEST_HTCONDOR_SCRATCH") if name not in os.environ
    ]
    if missing:
        raise SystemExit(f'{missing[0]} is not set: testbed/htcondor up && eval "$(testbed/htcondor env)"')


async def _run() -> dict[str, float]:
    schedd = os.environ["APF_TEST_HTCONDOR_POOL"]
    folder = Path(os.environ["APF_TEST_HTCONDOR_SCRATCH"]) / f"bench-{uuid.uuid4().hex[:8]}"
    factory = FactoryId(f"bench-{uuid.uuid4().hex[:8]}")
    settings = HTCondorBatch.Settings(schedd=schedd, log_dir_mode="1777")
    context = Context(factory, "bench", folder, SystemClock())
    batch, anew = HTCondorBatch(settings, context), HTCondorBatch(settings, context)
    ids = PilotIds(random.SystemRandom().getrandbits)
    bare = Bare(schedd, factory)
    try:
        figures = await _submissions(batch, bare, ids, folder)
        figures |= await _listings(batch, anew, bare, ids, folder, factory)
    finally:
        await batch.cancel(list(await batch.status()))
        await batch.close()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return figures


class Bare:
    """The bindings without anything around them, in this process."""

    def __init__(self, schedd: str, factory: FactoryId) -> None:
        import htcondor2

        self._htcondor: Any = htcondor2
        self._schedd: Any = htcondor2.Schedd(
            htcondor2.Collector().locate(htcondor2.DaemonType.Schedd, schedd)
        )
        self._factory = factory

    def submit(self, spec: PilotSpec, pilots: Sequence[PilotId]) -> None:
        submitter = Submitter(self._factory, "bench", "bench")
        description = submit_description(spec, submitter, {}, job_log=True)
        self._schedd.submit(self._htcondor.Submit(description), itemdata=iter(items(pilots)))

    def query(self, factory: FactoryId) -> list[Any]:
        jobs: list[Any] = self._schedd.query(live_jobs(factory), [PILOT, STATUS, SINCE, *DETAILS])
        return jobs

    def remove_all(self) -> None:
        self._schedd.act(self._htcondor.JobAction.Remove, live_jobs(self._factory), ("done", 1))


async def _submissions(batch: HTCondorBatch, bare: Bare, ids: PilotIds, folder: Path) -> dict[str, float]:
    """Take turns call by call, so that whatever else the machine does meets both alike."""
    bare_s, ours_s, longest_s = 0.0, 0.0, 0.0
    what = spec(folder / "submitted", "SUBMIT")
    what.log_dir.mkdir(parents=True)
    what.log_dir.chmod(0o1777)
    await batch.status()  # the worker runs
    submitted: list[PilotId] = []
    for _ in range(SUBMITTED // PER_CALL):
        pilots = ids.make(SystemClock().now(), PER_CALL)
        start = time.perf_counter()
        bare.submit(what, pilots)
        bare_s += time.perf_counter() - start
        pilots = ids.make(SystemClock().now(), PER_CALL)
        async with stalls() as late:
            start = time.perf_counter()
            await batch.submit(what, pilots)
            ours_s += time.perf_counter() - start
        longest_s = max(longest_s, *late)
        submitted += pilots
    return {
        "submit_bare_per_s": SUBMITTED / bare_s,
        "submit_plugin_per_s": SUBMITTED / ours_s,
        "submit_ratio": bare_s / ours_s,
        "submit_longest_stall_s": longest_s,
        **await _removals(batch, submitted),
    }


async def _removals(batch: HTCondorBatch, submitted: Sequence[PilotId]) -> dict[str, float]:
    await batch.status()
    async with stalls() as late:
        start = time.perf_counter()
        await batch.cancel(submitted)
        cancel_s = time.perf_counter() - start
        endings: Mapping[PilotId, Ending] = {}
        while len(endings) < len(submitted):  # removed jobs leave the queue one after the other
            start = time.perf_counter()
            endings = await batch.ended(submitted)
            ended_s = time.perf_counter() - start
    while left := await batch.status():
        await batch.cancel(list(left))
    return {
        "cancel_10000_s": cancel_s,
        "ended_10000_s": ended_s,
        "ended_longest_stall_s": max(late),
    }


async def _listings(
    batch: HTCondorBatch, anew: HTCondorBatch, bare: Bare, ids: PilotIds, folder: Path, factory: FactoryId
) -> dict[str, float]:
    """Take turns, and the lower quartile of each: whatever else the machine does can only add."""
    per_queue = LISTED // QUEUES
    for number in range(QUEUES):
        queue = f"QUEUE{number:03d}"
        await batch.submit(spec(folder / "listed", queue), ids.make(SystemClock().now(), per_queue))
    bare_s: list[float] = []
    again_s: list[float] = []
    first_s: list[float] = []
    longest_s = 0.0
    await batch.status()
    for _ in range(LISTING_ROUNDS):
        start = time.perf_counter()
        jobs = bare.query(factory)
        bare_s.append(time.perf_counter() - start)
        assert len(jobs) == LISTED
        del jobs
        async with stalls() as late:
            again_s.append(await _listing_s(batch))
            await anew.ended(ids.make(SystemClock().now(), 1))
            first_s.append(await _listing_s(anew))
            await anew.close()  # nothing has been told to the next worker
        longest_s = max(longest_s, *late)
    bare_time, again, first = (statistics.quantiles(times, n=4)[0] for times in (bare_s, again_s, first_s))
    return {
        "listing_bare_s": bare_time,
        "listing_first_s": first,
        "listing_again_s": again,
        "listing_first_ratio": first / bare_time,
        "listing_again_ratio": again / bare_time,
        "listing_longest_stall_s": longest_s,
    }


async def _listing_s(batch: HTCondorBatch) -> float:
    await asyncio.sleep(0.2)  # polls are minutes apart: tidying up after the last is not part of the next
    start = time.perf_counter()
    listing = await batch.status()
    took_s = time.perf_counter() - start
    assert len(listing) == LISTED
    return took_s


def spec(log_dir: Path, queue: str) -> PilotSpec:
    return PilotSpec(
        queue=QueueName(queue),
        executable=Path("/bin/sh"),
        arguments=("-c", "exit 0"),
        memory_mb=64,
        disk_mb=16,
        attributes={"Requirements": "False"},
        log_dir=log_dir,
        log_url="http://localhost/logs",
    )


@asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """Give a list that holds how much later than asked the event loop came round, each time."""
    late: list[float] = [0.0]

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(TICK_S)
            late.append(time.perf_counter() - start - TICK_S)

    ticker = asyncio.create_task(tick())
    try:
        yield late
    finally:
        ticker.cancel()


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{figure:24} {value:.3f}")
