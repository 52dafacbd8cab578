"""What a scrape of a large factory costs, and what else waits for it in the factory's process.

1,000 queues with 20,000 live pilots and an hour's endings in a SQLite store.  The event loop is watched
meanwhile, since cycles run on it.  Figures are medians of ten scrapes.
"""

import asyncio
import gzip
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from autopyfactory.api import SystemClock
from autopyfactory.config import load
from autopyfactory.model import (
    CycleRecord,
    Decision,
    EndCause,
    JobCounts,
    PilotCounts,
    PilotIds,
    PilotState,
    QueueName,
    QueueState,
    Transition,
)
from autopyfactory.store import SqlStore, open_store
from autopyfactory.web import WebContext
from autopyfactory.web.metrics.scrape import FRESH, Scraper
from benchmarks.bench_htcondor import stalls

QUEUES = 1000
LIVE, ENDED = 20, 20
"""Pilots of each queue."""
SCRAPES = 10
CONFIG = """
[factory]
id = "bench"
[wms.board]
plugin = "board"
url = "http://127.0.0.1:9"
[batch.local]
plugin = "local"
[profiles.all]
wms = "board"
batch = "local"
sched = ["ready", "breaker"]
"""


def run() -> dict[str, float]:
    """Return what a scrape takes, its size, and the stalls of the event loop with and without one."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> dict[str, float]:
    file = folder / "apf.toml"
    names = [QueueName(f"SITE_{n:04d}_MCORE") for n in range(QUEUES)]
    file.write_text(CONFIG + "".join(f'[queues.{name}]\nextends = "all"\n' for name in names))
    config = load([file], {})
    url = config.factory.store.get_secret_value()
    writing = await open_store(url, config.factory_id)
    await _fill(writing, names)
    reading = await open_store(url, None, create=False)
    scraper = Scraper(WebContext(lambda: config, reading, writing, SystemClock(), b""))
    took, cpu, text = [], [], b""
    worst, usual = [], []
    for _ in range(SCRAPES):
        async with stalls() as late:
            await asyncio.sleep(FRESH.total_seconds())
            usual.append(max(late))
        async with stalls() as late:
            start, used = time.perf_counter(), cpu_s()
            text = await scraper.text()
            took.append(time.perf_counter() - start)
            cpu.append(cpu_s() - used)
            worst.append(max(late))
    await reading.close()
    await writing.close()
    return {
        "scrape, ms": 1000 * median(took),
        "processor time of one, ms": 1000 * median(cpu),
        "longest stall of the event loop in one, ms": 1000 * median(worst),
        "longest stall in a second without one, ms": 1000 * median(usual),
        "samples": sum(not line.startswith(b"#") for line in text.splitlines()),
        "size, kB": len(text) / 1000,
        "compressed, kB": len(gzip.compress(text, 1)) / 1000,
    }


async def _fill(store: SqlStore, names: list[QueueName]) -> None:
    ids, now = PilotIds(Random(1).getrandbits), datetime.now(UTC)
    for name in names:
        state = QueueState(name, now, JobCounts(0, 70, 20, 0, 0), PilotCounts(0, 5, 0, 15))
        decision = Decision().under("breaker").then(LIVE, "closed", state="closed")
        pilots = ids.make(now - timedelta(minutes=50), LIVE + ENDED)
        await store.plan(CycleRecord(state, (), decision, planned=len(pilots)), pilots, "local")
        ends = [
            Transition(pilot, now, PilotState.DONE, cause=EndCause.EXIT, exit_code=0, empty=n % 3 == 0)
            for n, pilot in enumerate(pilots[:ENDED])
        ]
        await store.record(ends)


def cpu_s() -> float:
    """Return the processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(run())
