"""The whole factory on a real schedd, beside the bare bindings doing the same, in one run.

Needs the pool of ``testbed/htcondor``; nothing runs on it, all jobs wait and are removed at the end.
"""

import asyncio
import gc
import os
import random
import shutil
import statistics
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from autopyfactory.api import ChainStep, Context, Kind, Settings, SystemClock, find_plugin
from autopyfactory.batch.htcondor import HTCondorBatch
from autopyfactory.config.tree import (
    BatchEndpoint,
    BatchEndpointSettings,
    Config,
    Endpoint,
    EndpointSettings,
    FactorySettings,
    QueueConfig,
    QueueSettings,
)
from autopyfactory.control import Factory
from autopyfactory.model import FactoryId, PilotIds, QueueName, WmsQueue
from autopyfactory.store import SqlStore, open_store
from autopyfactory.wms.none import NoStatus
from benchmarks.bench_htcondor import Bare, needed, spec, stalls

ROUNDS, PER_ROUND = 5, 2_000
LISTED, QUEUES, LISTING_ROUNDS = 20_000, 500, 9


def run() -> dict[str, float]:
    """Return figures by name; times in seconds, rates in pilots a second, memory in bytes."""
    needed()
    return asyncio.run(_run())


async def _run() -> dict[str, float]:
    bench = await _Bench.make()
    try:
        figures = await bench.listings()
        return figures | await bench.submissions()
    finally:
        await bench.close()


class _Bench:
    """One factory id on one schedd, with a store of its own."""

    def __init__(self, schedd: str, folder: Path, factory: FactoryId, store: SqlStore) -> None:
        self._factory, self._folder, self._store = factory, folder, store
        self._ids = PilotIds(random.SystemRandom().getrandbits)
        self._settings = HTCondorBatch.Settings(schedd=schedd, log_dir_mode="1777")
        self._batch = HTCondorBatch(self._settings, self._context("schedd"))
        self._bare = Bare(schedd, FactoryId(f"{factory}-bare"))

    @classmethod
    async def make(cls) -> "_Bench":
        factory = FactoryId(f"bench-{uuid.uuid4().hex[:8]}")
        folder = Path(os.environ["APF_TEST_HTCONDOR_SCRATCH"]) / factory
        folder.mkdir(parents=True)
        folder.chmod(0o1777)
        store = await open_store(f"sqlite:///{folder}/factory.db", factory)
        return cls(os.environ["APF_TEST_HTCONDOR_POOL"], folder, factory, store)

    async def close(self) -> None:
        await self._batch.cancel(list(await self._batch.status()))
        await self._batch.close()
        await self._store.close()
        await asyncio.to_thread(self._bare.remove_all)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def listings(self) -> dict[str, float]:
        """Pass over the pilots of many queues: ask, compare, record what changed."""
        queues = [(f"QUEUE{number:03d}", LISTED // QUEUES) for number in range(QUEUES)]
        gc.collect()
        empty = _resident()
        await self._factory_of(queues).run(cycles=1)
        watching = self._factory_of((name, 0) for name, _ in queues)
        await watching.run(cycles=1)  # takes over what the first one left
        gc.collect()
        per_pilot = (_resident() - empty) / LISTED
        bare_s, ours_s, longest_s = [], [], 0.0
        for _ in range(LISTING_ROUNDS):
            start = time.perf_counter()
            assert len(self._bare.query(self._factory)) == LISTED
            bare_s.append(time.perf_counter() - start)
            await asyncio.sleep(0.2)  # polls are minutes apart: tidying up after one is no part of the next
            async with stalls() as late:
                start = time.perf_counter()
                await watching.poll()
                ours_s.append(time.perf_counter() - start)
            longest_s = max(longest_s, *late)
        return {
            "status_bare_s": statistics.median(bare_s),
            "status_factory_s": statistics.median(ours_s),
            "status_ratio": statistics.median(ours_s) / statistics.median(bare_s),
            "status_longest_stall_s": longest_s,
            "memory_per_live_pilot_bytes": per_pilot,
        }

    async def submissions(self) -> dict[str, float]:
        """Decide, plan, store, submit and record, taking turns with the bare bindings."""
        factory = self._factory_of([("SUBMIT", PER_ROUND)])
        log_dir = self._folder / "bare"
        log_dir.mkdir()
        log_dir.chmod(0o1777)
        bare_s, ours_s, longest_s = 0.0, 0.0, 0.0
        for _ in range(ROUNDS):
            start = time.perf_counter()
            self._bare.submit(spec(log_dir, "SUBMIT"), self._ids.make(SystemClock().now(), PER_ROUND))
            bare_s += time.perf_counter() - start
            await factory.poll()
            async with stalls() as late:
                start = time.perf_counter()
                (record,) = await factory.cycle()
                ours_s += time.perf_counter() - start
            assert record.planned == PER_ROUND
            longest_s = max(longest_s, *late)
        return {
            "submit_bare_per_s": ROUNDS * PER_ROUND / bare_s,
            "submit_factory_per_s": ROUNDS * PER_ROUND / ours_s,
            "submit_ratio": bare_s / ours_s,
            "submit_longest_stall_s": longest_s,
        }

    def _factory_of(self, queues: Iterable[tuple[str, int]]) -> Factory:
        """Return a factory whose queues each submit that many pilots in every cycle."""
        batch = BatchEndpointSettings(plugin="htcondor", interval_s=3600, max_per_submit=2_000)
        config = Config(
            factory=FactorySettings(id=self._factory),
            wms={"none": Endpoint("none", NoStatus, EndpointSettings(plugin="none"), Settings())},
            batch={"schedd": BatchEndpoint("schedd", HTCondorBatch, batch, self._settings)},
            queues={QueueName(name): self._queue(name, pilots) for name, pilots in queues},
        )
        none = NoStatus(NoStatus.Settings(), self._context("none"))
        return Factory(config, {"none": none}, {"schedd": self._batch}, self._store, SystemClock(), self._ids)

    def _queue(self, name: str, pilots: int) -> QueueConfig:
        fixed = find_plugin(Kind.SCHED, "fixed").model_validate({"pilotspercycle": pilots})
        return QueueConfig(
            name=QueueName(name),
            settings=QueueSettings(wms="none", batch="schedd"),
            wms_queue=WmsQueue(name),
            chain=(ChainStep("fixed", fixed),),
            spec=spec(self._folder, name),
        )

    def _context(self, instance: str) -> Context:
        return Context(self._factory, instance, self._folder, SystemClock())


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
