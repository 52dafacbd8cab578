"""The store on SQLite: transitions a second, a large plan, and single small transactions.

On the disk of the current TMPDIR, in the caller's thread as in the simulated world; ``live`` is a restart.
Given APF_TEST_POSTGRES_URL (testbed/postgres), the same on PostgreSQL.
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from autopyfactory.model import (
    BatchId,
    CycleRecord,
    Decision,
    EndCause,
    FactoryId,
    InputAge,
    JobCounts,
    PilotCounts,
    PilotId,
    PilotIds,
    PilotState,
    QueueName,
    QueueState,
    SiteStatus,
    Transition,
)
from autopyfactory.store import SqlStore, open_store

PILOTS, BATCH, SINGLES, ROUNDS = 10_000, 1_000, 1_000, 3
START = datetime(2026, 3, 1, tzinfo=UTC)
OURS = FactoryId("bench")


def run() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/factory.db"
        figures = asyncio.run(_measure(url, inline=True))
        threaded = f"sqlite:///{Path(folder)}/threaded.db"
        figures["record of 1 through the thread, ms"] = asyncio.run(_single_record(threaded))
    server = os.environ.get("APF_TEST_POSTGRES_URL", "")
    if server:
        figures |= {f"PostgreSQL: {name}": value for name, value in _on_postgres(server).items()}
    return figures


async def _measure(url: str, *, inline: bool) -> dict[str, float]:
    store = await open_store(url, OURS, inline=inline)
    ids = PilotIds(random.Random(1).getrandbits)
    rounds = [await _round(store, ids, START + timedelta(minutes=i)) for i in range(ROUNDS)]
    plans, rates = zip(*rounds, strict=True)
    figures = {
        "transitions in batches of 1,000, per s": statistics.median(rates),
        "plan of 10,000 pilots, ms": 1000 * statistics.median(plans),
    }
    figures |= await _singles(store, ids)
    waiting = ids.make(START, 2 * PILOTS)
    await store.plan(_cycle(START, 2 * PILOTS), waiting, "schedd")
    figures["live of 20,000 pilots, ms"] = 1000 * await _seconds(store.live)
    figures["prune of 30,000 pilots, ms"] = 1000 * await _seconds(
        lambda: store.prune(START + timedelta(days=1), START)
    )
    await store.close()
    return figures


async def _round(store: SqlStore, ids: PilotIds, now: datetime) -> tuple[float, float]:
    """Return the seconds that a plan took, and the transitions a second of its pilots' lives."""
    pilots = ids.make(now, PILOTS)
    plan_s = await _seconds(lambda: store.plan(_cycle(now, PILOTS), pilots, "schedd"))
    return plan_s, 3 * PILOTS / await _seconds(lambda: _live_and_die(store, now, pilots))


async def _live_and_die(store: SqlStore, now: datetime, pilots: list[PilotId]) -> None:
    for start in range(0, len(pilots), BATCH):
        some = pilots[start : start + BATCH]
        await store.record([Transition(p, now, PilotState.PENDING, batch_id=BatchId("1234.0")) for p in some])
        await store.record(
            [Transition(p, now, PilotState.RUNNING, host="node17", started_at=now) for p in some]
        )
        await store.record(
            [
                Transition(
                    p, now, PilotState.DONE, cause=EndCause.EXIT, exit_code=0, wall_s=99.0, empty=False
                )
                for p in some
            ]
        )


async def _singles(store: SqlStore, ids: PilotIds) -> dict[str, float]:
    plans, records = zip(*[await _single(store, ids.make(START, 3)) for _ in range(SINGLES)], strict=True)
    return {
        "plan of 3 pilots, ms": 1000 * statistics.median(plans),
        "record of 1, ms": 1000 * statistics.median(records),
    }


async def _single(store: SqlStore, pilots: list[PilotId]) -> tuple[float, float]:
    change = Transition(pilots[0], START, PilotState.PENDING, batch_id=BatchId("1234.0"))
    plan_s = await _seconds(lambda: store.plan(_cycle(START, 3), pilots, "schedd"))
    return plan_s, await _seconds(lambda: store.record([change]))


async def _single_record(url: str) -> float:
    store = await open_store(url, OURS)
    figures = await _singles(store, PilotIds(random.Random(2).getrandbits))
    await store.close()
    return figures["record of 1, ms"]


def _on_postgres(server: str) -> dict[str, float]:
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS apf_bench CASCADE; CREATE SCHEMA apf_bench"))
    mine = url.update_query_dict({"options": "-csearch_path=apf_bench"})
    try:
        return asyncio.run(_measure(mine.render_as_string(hide_password=False), inline=True))
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA apf_bench CASCADE"))
        engine.dispose()


async def _seconds(call: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await call()
    return time.perf_counter() - start


def _cycle(at: datetime, planned: int) -> CycleRecord:
    decision = Decision(rule="ready").then(
        planned + 40, f"{planned + 40} ready", ready=planned + 40, waiting=0
    )
    for rule in ("scale", "min_per_cycle", "max_per_cycle", "max_pending", "status_test", "status_offline"):
        decision = decision.then(planned, f"{rule} says {planned}", maximum=planned)
    state = QueueState(QueueName("AGLT2"), at, JobCounts.zero(), PilotCounts(), SiteStatus.ONLINE)
    return CycleRecord(
        state, (InputAge("wms.panda", 12.0), InputAge("batch.schedd", 3.0)), decision, planned=planned
    )


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{value:12,.3f}  {figure}")
