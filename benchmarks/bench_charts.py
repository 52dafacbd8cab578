"""What a chart and a report cost to read, from a store of 1,000 queues that cycle every two minutes.

A week of cycles and a million ended pilots: 4 GB in TMPDIR, and minutes to make; APF_BENCH_DAYS=1 makes less
of both.  Given APF_TEST_POSTGRES_URL (testbed/postgres), the same on PostgreSQL.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text

from autopyfactory.model import FactoryId, QueueName
from autopyfactory.store import SqlStore, open_store
from autopyfactory.store.adding_up import US
from autopyfactory.store.rollup_tables import STEPS_S

DAYS = int(os.environ.get("APF_BENCH_DAYS", "7"))
QUEUES, INTERVAL_S, PILOTS_A_DAY, ROUNDS = 1000, 120, 150_000, 5
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = FactoryId("bench")
ONE = QueueName("queue-1500")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WINDOWS = {"1 h": HOUR, "6 h": 6 * HOUR, "24 h": DAY, "7 d": 7 * DAY, "30 d": 30 * DAY}

TRACE = '{"rule":"x","blocked":false,"steps":[' + ",".join(['["ready",0,7,"7 ready",{"n":7}]'] * 8) + "]}"
STATE = '{"site_status":"online","just_started":0,"factory_total":null}'
COUNT = "WITH RECURSIVE i(n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM i WHERE n + 1 < :rows) "
CYCLES = text(
    COUNT + "INSERT INTO cycles (queue, at, jobs_ready, pilots_planned, pilots_pending, pilots_held, "
    "pilots_running, pilots_unknown, pilots_retiring, submit, retire, planned, note, state, inputs, trace) "
    "SELECT 'queue-' || (1000 + n % :queues), :begin + n * :apart, "
    "CASE WHEN n % 49 = 0 THEN NULL ELSE n % 90 END, 0, n % 17, 0, n % 60, 0, 0, n % 5, 0, n % 5, "
    "'', :state, '[]', :trace FROM i"
)
SUMS = text(
    "INSERT INTO rollups SELECT :step_s, at / :step_us * :step_us, queue, count(*), count(jobs_ready), "
    "coalesce(sum(jobs_ready), 0), count(*), sum(pilots_pending), sum(pilots_running), sum(planned) "
    "FROM cycles WHERE at >= :begin AND at < :end GROUP BY 1, 2, 3"
)
PILOTS = text(
    COUNT + "INSERT INTO pilots (id, queue, endpoint, state, planned_at, changed_at, started_at, ended_at, "
    "host, reason, cause, wall_s, empty, retiring, releases, changes) "
    "SELECT 'p' || (:first + n), 'queue-' || (1000 + n % :queues), 'schedd', "
    "CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'done' END, :begin + n * :apart - 9000000000, "
    ":begin + n * :apart, :begin + n * :apart - 9000000000 + n % 7000 * 1000000, :begin + n * :apart, "
    "'node' || (n % 5000), '', 'exit', n % 90000, n % 9 = 0, n < 0, 0, 4 FROM i"
)


def run() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measure(f"sqlite:///{Path(folder)}/factory.db"))
    server = os.environ.get("APF_TEST_POSTGRES_URL", "")
    if server:
        figures |= {f"PostgreSQL: {name}": value for name, value in _on_postgres(server).items()}
    return figures


async def _measure(url: str) -> dict[str, float]:
    store = await open_store(url, OURS, inline=True)
    await fill(store)
    figures = {}
    for who, queue in (("a queue", ONE), ("all", None)):
        for name, window in WINDOWS.items():
            figures[f"series of {who}, {name}, ms"] = await _median_ms(
                lambda window=window, queue=queue: store.series(NOW - window, NOW, queue)  # type: ignore[misc]
            )
    for who, queue in (("a queue", ONE), ("all", None)):
        for name in ("24 h", "7 d"):
            figures[f"times of the pilots of {who}, {name}, ms"] = await _median_ms(
                lambda window=WINDOWS[name], queue=queue: store.pilot_times(NOW - window, NOW, queue)  # type: ignore[misc]
            )
    await store.close()
    return figures


async def fill(store: SqlStore) -> None:
    """Fill a store with `DAYS` of cycles and of pilots that ended."""
    for day in range(DAYS):  # in pieces that no server takes too long over
        await store._write(lambda connection, day=day: _fill_day(connection, day))  # type: ignore[misc]
    if not store._database.place.is_sqlite:  # as its autovacuum does after a while
        await store._write(lambda connection: connection.execute(text("ANALYZE")))


def _fill_day(connection: Connection, day: int) -> None:
    begin = round((NOW - (DAYS - day) * DAY).timestamp()) * US
    span = {"begin": begin, "end": begin + 86400 * US}
    given = {"queues": QUEUES, "begin": begin}
    n_cycles = QUEUES * 86400 // INTERVAL_S
    apart = INTERVAL_S * US // QUEUES
    connection.execute(CYCLES, {**given, "rows": n_cycles, "apart": apart, "trace": TRACE, "state": STATE})
    for step_s in STEPS_S:
        connection.execute(SUMS, {**span, "step_s": step_s, "step_us": step_s * US})
    first, apart = 10**9 + day * PILOTS_A_DAY, 86400 * US // PILOTS_A_DAY
    connection.execute(PILOTS, {**given, "rows": PILOTS_A_DAY, "apart": apart, "first": first})


async def _median_ms(read: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        await read()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def _on_postgres(server: str) -> dict[str, float]:
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS apf_charts CASCADE; CREATE SCHEMA apf_charts"))
    mine = url.update_query_dict({"options": "-csearch_path=apf_charts"})
    try:
        return asyncio.run(_measure(mine.set(drivername="postgresql").render_as_string(hide_password=False)))
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA apf_charts CASCADE"))
        engine.dispose()


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{value:12,.3f}  {figure}")
