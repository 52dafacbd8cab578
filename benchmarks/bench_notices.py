"""What a look at what is wrong costs a large factory, and what else waits for it meanwhile.

1,000 queues with the cycles of two hours, and 16,000 pilots that ended on 1,500 nodes within six, in a SQLite
store.  One queue in ten starves and one node in a hundred is a black hole.  The event loop is watched
meanwhile, since cycles run on it.  The first look reads all of it, later ones what is new.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.wiring import build, build_notifiers
from autopyfactory.config import load
from autopyfactory.control import Factory
from autopyfactory.control.notices import Notices
from autopyfactory.model import (
    CycleRecord,
    Decision,
    EndCause,
    JobCounts,
    NoticeKind,
    PilotCounts,
    PilotIds,
    PilotState,
    QueueName,
    QueueState,
    SiteStatus,
    Transition,
)
from autopyfactory.store import SqlStore, open_store
from benchmarks.bench_htcondor import stalls
from benchmarks.bench_metrics import cpu_s

QUEUES, NODES, ENDED, LOOKS = 1000, 1500, 16_000, 10
SPAN, EVERY = timedelta(hours=2), timedelta(minutes=2)
CONFIG = """
[factory]
id = "bench"
[wms.none]
plugin = "none"
[batch.local]
plugin = "local"
[notices]
hole_pilots = 5
[notify.log]
plugin = "log"
[profiles.all]
wms = "none"
batch = "local"
sched = ["ready", "breaker"]
"""


def run() -> dict[str, float]:
    """Return what the first look and later ones take, and the stalls of the event loop in them."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> dict[str, float]:
    file = folder / "apf.toml"
    names = [QueueName(f"SITE_{n:04d}_MCORE") for n in range(QUEUES)]
    file.write_text(CONFIG + "".join(f'[queues.{name}]\nextends = "all"\n' for name in names))
    config, clock = load([file], {}), SystemClock()
    store = await open_store(config.factory.store.get_secret_value(), config.factory_id)
    await _fill(store, names)
    built = build(config, clock)
    factory = Factory(
        config,
        built.wms,
        built.batch,
        store,
        clock,
        PilotIds(Random(2).getrandbits),
        notices=store,
        notifiers=build_notifiers(config, clock),
    )
    notices = factory._notices  # what its loop repeats; the rest of it would be measured as well
    assert notices is not None
    first, first_cpu, first_stall = await _look(notices)
    later = [await _look(notices) for _ in range(LOOKS)]
    kinds = [notice.kind for notice in (await store.notice_look()).notices]
    await notices.close()
    await built.close()
    await store.close()
    return {
        "first look, ms": first,
        "processor time of it, ms": first_cpu,
        "longest stall of the event loop in it, ms": first_stall,
        "a later look, ms": median(took for took, _, _ in later),
        "processor time of one, ms": median(cpu for _, cpu, _ in later),
        "longest stall in one, ms": median(stall for _, _, stall in later),
        "queues that starve": kinds.count(NoticeKind.QUEUE_STARVING),
        "black holes": kinds.count(NoticeKind.BLACK_HOLE),
    }


async def _look(notices: Notices) -> tuple[float, float, float]:
    """Return how long a look took, its processor time, and how long it held up others, in milliseconds."""
    async with stalls() as late:
        start, used = time.perf_counter(), cpu_s()
        await notices.look()
        took, cpu = time.perf_counter() - start, cpu_s() - used
    return 1000 * took, 1000 * cpu, 1000 * max(late)


async def _fill(store: SqlStore, names: Sequence[QueueName]) -> None:
    random, now = Random(1), datetime.now(UTC)
    ids = PilotIds(random.getrandbits)
    pilots = ids.make(now - SPAN, ENDED)
    await store.plan(_cycle(names[0], now - SPAN, dry=False), pilots, "local")
    for start in range(0, ENDED, 1000):
        ends = []
        for n, pilot in enumerate(pilots[start : start + 1000], start):
            node = n % NODES
            hole = node % 100 == 0
            at = now - random.random() * SPAN
            ends.append(
                Transition(
                    pilot, at, PilotState.FAILED if hole else PilotState.DONE, host=f"node{node:04d}",
                    cause=EndCause.EXIT, exit_code=int(hole), wall_s=5 if hole else 3600, ended_at=at,
                )
            )  # fmt: skip
        await store.record(ends)
    at = now - SPAN
    while at < now:
        for n, name in enumerate(names):
            await store.plan(_cycle(name, at, dry=n % 10 == 0), [], "local")
        at += EVERY


def _cycle(queue: QueueName, at: datetime, *, dry: bool) -> CycleRecord:
    pilots = PilotCounts(0, 5, 0, 0 if dry else 15)
    state = QueueState(queue, at, JobCounts(0, 70, 20, 0, 0), pilots, SiteStatus.ONLINE)
    return CycleRecord(state, (), Decision().under("breaker").then(20, "closed", state="closed"))


if __name__ == "__main__":
    print(run())
