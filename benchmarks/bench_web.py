"""How many reports of wrappers the web takes, and how soon it acknowledges them.

The web serves in a process of its own, on a SQLite store; this process plays the wrappers, each on a
connection of its own, one report a call.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import aiohttp

from autopyfactory.cli.common.webs import report_key
from autopyfactory.config import load
from autopyfactory.model import (
    CycleRecord,
    Decision,
    FactoryId,
    PilotId,
    PilotIds,
    QueueName,
    QueueState,
    token,
)
from autopyfactory.store import open_store

WRAPPERS = 64
PER_S = 1000
SECONDS = 10
QUEUE = QueueName("alpha")
CONFIG = """
[factory]
id = "bench"
[web]
port = 0
[wms.board]
plugin = "board"
url = "http://127.0.0.1:9"
[batch.local]
plugin = "local"
[queues.alpha]
wms = "board"
batch = "local"
sched = ["ready"]
"""


def run() -> dict[str, float]:
    """Return rates and latencies of ``PER_S`` reports a second, and of as many as go."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> dict[str, float]:
    (folder / "apf.toml").write_text(CONFIG)
    config = load([folder / "apf.toml"], {})
    pilots = PilotIds(Random(1).getrandbits).make(datetime.now(UTC), WRAPPERS * 100)
    store = await open_store(config.factory.store.get_secret_value(), config.factory_id)
    state = QueueState(QUEUE, datetime.now(UTC))
    await store.plan(CycleRecord(state, (), Decision()), pilots, "local")
    await store.close()
    key = report_key(config.factory.state_dir)
    apf = str(Path(sys.executable).with_name("apf"))
    command = [apf, "web", "serve", "--config", str(folder / "apf.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as web:  # noqa: ASYNC220 (nothing waits)
        assert web.stdout is not None
        url = web.stdout.readline().strip()
        try:
            paced = await _play(url, key, pilots, PER_S * SECONDS, PER_S)
            before = _cpu_s(web.pid)
            freely = await _play(url, key, pilots, PER_S * SECONDS, None, first_seq=10**4)
            cpu_s = _cpu_s(web.pid) - before
        finally:
            web.terminate()
    return {
        "paced reports/s": round(paced[0]),
        "paced p50 ms": round(paced[1] * 1000, 1),
        "paced p99 ms": round(paced[2] * 1000, 1),
        "most reports/s": round(freely[0]),
        "most p99 ms": round(freely[2] * 1000, 1),
        "server CPU ms/report": round(1000 * cpu_s / (PER_S * SECONDS), 3),
        "client CPU s": round(resource.getrusage(resource.RUSAGE_SELF).ru_utime, 1),
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _play(
    url: str, key: bytes, pilots: list[PilotId], n: int, per_s: float | None, first_seq: int = 0
) -> tuple[float, float, float]:
    """Send n reports; return reports/s, and the median and the 99th percentile of the time to the answer."""
    took: list[float] = []
    work = iter(range(n))
    start = time.perf_counter()
    end = datetime.now(UTC) + timedelta(hours=1)
    connector = aiohttp.TCPConnector(limit=WRAPPERS)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def wrapper() -> None:
            for number in work:
                if per_s is not None:
                    await asyncio.sleep(max(0.0, start + number / per_s - time.perf_counter()))
                pilot = pilots[number % len(pilots)]
                own = token.mint(key, FactoryId("bench"), pilot, QUEUE, end)
                report = {"seq": first_seq + number, "at": "2026-03-01T12:00:00Z", "state": "heartbeat"}
                sent = time.perf_counter()
                async with session.post(
                    f"{url}/api/v1/pilots/{pilot}/reports",
                    json={"reports": [report]},
                    headers={"Authorization": f"Bearer {own}"},
                ) as answer:
                    assert answer.status == 202, await answer.text()
                took.append(time.perf_counter() - sent)

        await asyncio.gather(*(wrapper() for _ in range(WRAPPERS)))
    elapsed = time.perf_counter() - start
    took.sort()
    return n / elapsed, took[len(took) // 2], took[int(len(took) * 0.99)]


if __name__ == "__main__":
    print(run())
