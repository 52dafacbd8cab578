"""How long pages of a large factory take, and how heavy they are.

The store is that of the benchmark ``charts``: 1,000 queues that cycle every two minutes, and 150,000 pilots
that end in a day (APF_BENCH_DAYS of it); 20,000 more live.  Client and server share one process: the times
are those of the whole way, HTTP included, by the clock and of the processor.  Weights are of what is sent,
before it is zipped and without the chart library.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from sqlalchemy import text

from autopyfactory.config import load
from autopyfactory.serving import serve
from autopyfactory.store import SqlStore, open_store
from autopyfactory.web import WebContext, create_app
from benchmarks.bench_charts import COUNT, NOW, ONE, OURS, QUEUES, fill

LIVE = 20_000
ROUNDS = 9
CONFIG = """
[factory]
id = "bench"
[web]
port = 0
requests_per_s = 1e6
[wms.board]
plugin = "board"
url = "http://127.0.0.1:9"
[batch.local]
plugin = "local"
[profiles.all]
wms = "board"
batch = "local"
sched = ["ready"]
"""
PAGES = {
    "overview": "/",
    "overview, 24 h": "/?window=24h",
    "overview, sorted by failures": "/?sort=-failed",
    "overview, one queue": f"/?q={ONE}",
    "queue": f"/queues/{ONE}",
    "hosts, 24 h": "/hosts",
    "failures, 24 h": "/failures",
    "pilots": "/pilots",
    "endpoints": "/endpoints",
}
ALIVE = text(
    COUNT + "INSERT INTO pilots (id, queue, endpoint, state, planned_at, changed_at, host, reason, retiring, "
    "releases, changes) SELECT 'q' || (1000000 + n), 'queue-' || (1000 + n % :queues), 'local', "
    "CASE WHEN n % 3 = 0 THEN 'pending' ELSE 'running' END, :at - n, :at - n, '', '', n < 0, 0, 3 FROM i"
)


@dataclass(frozen=True, slots=True)
class StillClock:
    """Stands at the time that the store was filled for."""

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run() -> dict[str, float]:
    """Return milliseconds and kilobytes of each page."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> dict[str, float]:
    store = await open_store(f"sqlite:///{folder}/apf.db", OURS, inline=True)
    await fill(store)
    alive = {"rows": LIVE, "queues": QUEUES, "at": round(NOW.timestamp()) * 10**6}
    await store._write(lambda connection: connection.execute(ALIVE, alive))
    await store.close()
    figures: dict[str, float] = {}
    async with _serving(folder) as url, aiohttp.ClientSession() as client:
        for name, path in PAGES.items():
            figures |= await _page(client, name, url + path)
    return figures


async def _page(client: aiohttp.ClientSession, name: str, url: str) -> dict[str, float]:
    taken, worked, weight = [], [], 0
    for _ in range(ROUNDS):
        start, began = time.perf_counter(), time.process_time()
        async with client.get(url, headers={"Accept": "text/html"}) as answer:
            weight = len(await answer.read())
            assert answer.status == 200, url
        taken.append(time.perf_counter() - start)
        worked.append(time.process_time() - began)
    return {
        f"{name}: first, ms": 1000 * taken[0],
        f"{name}: median, ms": 1000 * statistics.median(taken),
        f"{name}: processor, ms": 1000 * statistics.median(worked),
        f"{name}: kB": weight / 1000,
    }


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[str]:
    queues = "".join(f'[queues.queue-{1000 + n}]\nextends = "all"\n' for n in range(QUEUES))
    (folder / "apf.toml").write_text(CONFIG + queues)
    config = load([folder / "apf.toml"], {})
    url = config.factory.store.get_secret_value()
    stores: list[SqlStore] = [await open_store(url, who, create=False) for who in (None, OURS)]
    app = create_app(WebContext(lambda: config, stores[0], stores[1], StillClock(), b"k" * 32))
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, ready.set_result, stop, name="web"))
    try:
        yield await ready
    finally:
        stop.set()
        await serving
        for store in stores:
            await store.close()


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{value:12,.1f}  {figure}")
