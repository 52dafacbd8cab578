"""How many reports of wrappers a factory takes while it cycles, and how soon it acknowledges them.

The factory runs on one core: 100 queues, each with a cycle every two seconds, on a SQLite store.  This
process plays the wrappers on the other cores, each on a connection of its own, one report a call; their
requests are made beforehand, so that it is fast enough.

By the clock the figures tell as much of what else runs on that core as of the factory.  Where the system
allows it, they are therefore taken again with both processes before all others, as on a core of their own.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from autopyfactory.cli.common.webs import report_key
from autopyfactory.config import Config, load
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
PILOTS = 6400
PER_S = 1000
SECONDS = 10
WARM_UP_S = 2
QUEUES = 100
QUEUE = QueueName("alpha")
CONFIG = """
[factory]
id = "bench"
[web]
enabled = true
port = 0
[wms.none]
plugin = "none"
[batch.local]
plugin = "local"
[profiles.all]
wms = "none"
batch = "local"
interval_s = 2
sched = [{fixed = {pilotspercycle = 0}}]
"""


def run() -> dict[str, float]:
    """Return rates and latencies of ``PER_S`` reports a second, and of as many as go."""
    figures = asyncio.run(_measured(first=False))
    with suppress(PermissionError):
        figures |= {f"{name}, core of its own": n for name, n in asyncio.run(_measured(first=True)).items()}
    return figures


async def _measured(*, first: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "apf.toml"
        queues = [QUEUE, *(f"queue{n}" for n in range(QUEUES - 1))]
        file.write_text(CONFIG + "".join(f'[queues.{queue}]\nextends = "all"\n' for queue in queues))
        config = load([file], {})
        pilots = PilotIds(Random(1).getrandbits).make(datetime.now(UTC), PILOTS)
        store = await open_store(config.factory.store.get_secret_value(), config.factory_id)
        await store.plan(CycleRecord(QueueState(QUEUE, datetime.now(UTC)), (), Decision()), pilots, "gone")
        await store.close()
        requests = _requests(report_key(config.factory.state_dir), pilots)
        with _placed(first=first), _factory(file, first=first) as (port, pid):
            await _play(port, [next(requests) for _ in range(PER_S * WARM_UP_S)], PER_S)
            paced = await _play(port, [next(requests) for _ in range(PER_S * SECONDS)], PER_S)
            before = _cpu_s(pid)
            freely = await _play(port, [next(requests) for _ in range(PER_S * SECONDS)], None)
            cpu_s = _cpu_s(pid) - before
        cycles = await _cycles(config)
    return {
        "paced reports/s": paced[0],
        "paced p50 ms": 1000 * paced[1],
        "paced p99 ms": 1000 * paced[2],
        "most reports/s": freely[0],
        "most p99 ms": 1000 * freely[2],
        "processor time, ms/report": 1000 * cpu_s / (PER_S * SECONDS),
        "cycles meanwhile": cycles,
    }


async def _cycles(config: Config) -> int:
    store = await open_store(config.factory.store.get_secret_value(), None, create=False)
    try:
        return await store.newest_cycle_id()
    finally:
        await store.close()


@contextmanager
def _factory(config: Path, *, first: bool) -> Iterator[tuple[int, int]]:
    """Run a factory on one core; gives the port of its web, and its process."""
    apf = [str(Path(sys.executable).with_name("apf")), "run", "--config", str(config), "--log-format", "json"]
    argv = ["taskset", "-c", "0", *(["chrt", "-r", "5"] if first else []), *apf]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as factory:
        assert factory.stderr is not None
        try:
            said = next(line for line in factory.stderr if '"web"' in line)
            yield int(json.loads(said)["message"].rpartition(":")[2]), factory.pid
        finally:
            factory.terminate()
            factory.stderr.read()


@contextmanager
def _placed(*, first: bool) -> Iterator[None]:
    """Keep this process off the factory's core meanwhile, and before all others if it is allowed."""
    cores = os.sched_getaffinity(0)
    if first:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))
    os.sched_setaffinity(0, cores - {0} or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _requests(key: bytes, pilots: list[PilotId]) -> Iterator[bytes]:
    """Give requests, each with another report."""
    end = datetime.now(UTC) + timedelta(hours=1)
    own = {pilot: token.mint(key, FactoryId("bench"), pilot, QUEUE, end) for pilot in pilots}
    for seq in range(100_000):
        pilot = pilots[seq % len(pilots)]
        report = {"seq": seq, "at": "2026-03-01T12:00:00Z", "state": "heartbeat"}
        body = json.dumps({"reports": [report]}).encode()
        head = (
            f"POST /api/v1/pilots/{pilot}/reports HTTP/1.1",
            "Host: factory",
            f"Authorization: Bearer {own[pilot]}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        yield "\r\n".join((*head, "", "")).encode() + body


async def _play(port: int, requests: list[bytes], per_s: float | None) -> tuple[float, float, float]:
    """Send requests; return reports/s, and the median and the 99th percentile of the time to the answer."""
    took: list[float] = []
    work = iter(enumerate(requests))
    start = time.perf_counter()

    async def wrapper() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, request in work:
            if per_s is not None:
                await asyncio.sleep(max(0.0, start + number / per_s - time.perf_counter()))
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202"), head
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            took.append(time.perf_counter() - sent)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(wrapper() for _ in range(WRAPPERS)))
    elapsed = time.perf_counter() - start
    took.sort()
    return len(requests) / elapsed, took[len(took) // 2], took[int(len(took) * 0.99)]


if __name__ == "__main__":
    print(run())
