"""The jobs of a real schedd as the work of a WMS keep the contract."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from condor_pool import Pool, pool

from autopyfactory.api import Context, SystemClock
from autopyfactory.model import FactoryId, JobCounts, WmsQueue
from autopyfactory.schedd.client import ScheddClient
from autopyfactory.testkit.wms import Fault, WmsContract, WmsWorld
from autopyfactory.wms.htcondor import HTCondorStatus

pytestmark = pytest.mark.htcondor
__all__ = ["pool"]

_JOB = {
    "executable": "/bin/sh",
    "transfer_executable": "False",
    "arguments": "\"-c 'sleep 300'\"",
    "request_memory": "16",
    "request_disk": "1024",
}


class CondorWorld:
    """Jobs with a tag of this test's own, and a client configuration that can lead to nowhere."""

    def __init__(self, pool: Pool, configuration: Path) -> None:
        self._pool = pool
        self._configuration = configuration
        self._good = Path(os.environ["CONDOR_CONFIG"]).read_text()
        configuration.write_text(self._good)
        self._tag = uuid.uuid4().hex
        self._jobs = ScheddClient(pool.schedd, "", environment={}, timeout_s=60)
        self._faults = AsyncExitStack()
        settings = HTCondorStatus.Settings(
            schedd=pool.schedd,
            condor_config=configuration,
            constraint=f'WorkTag == "{self._tag}"',
            queue_attribute="WorkQueue",
            answer_within_s=1,
        )
        self.plugin = HTCondorStatus(settings, Context(FactoryId("f"), "work", Path(), SystemClock()))

    async def hold(self, jobs: Mapping[WmsQueue, JobCounts]) -> None:
        await self._jobs.act("Remove", f'WorkTag == "{self._tag}"', "another test", 1)
        running = 0
        for queue, counts in jobs.items():
            running += counts.running or 0
            await self._submit(queue, counts.ready, Requirements="False")
            await self._submit(queue, counts.running)
            await self._submit(queue, counts.failed, hold="True")
        constraint = f'WorkTag == "{self._tag}" && JobStatus == 2'
        async with asyncio.timeout(120):
            while len(await self._jobs.rows(constraint, ["ClusterId"])) != running:
                await asyncio.sleep(0.2)

    async def stage(self, fault: Fault) -> None:
        if fault is Fault.SLOW:
            await self._faults.enter_async_context(self._pool.frozen("schedd"))
            return
        await self._configure(f"{self._good}COLLECTOR_HOST = 127.0.0.1:1\n")

    async def repair(self) -> None:
        await self._faults.aclose()
        await self._configure(self._good)

    async def _configure(self, text: str) -> None:
        """Have the schedd located again, by a worker that reads this configuration."""
        self._configuration.write_text(text)
        if worker := self.plugin.schedd.worker_pid:
            os.kill(worker, signal.SIGKILL)
            await asyncio.sleep(0.2)  # for real: the kernel needs its time to tell

    async def close(self) -> None:
        await self._faults.aclose()
        await self._jobs.act("Remove", f'WorkTag == "{self._tag}"', "the test is over", 1)
        await self._jobs.close()
        await self.plugin.close()

    async def _submit(self, queue: WmsQueue, number: int | None, **commands: str) -> None:
        if number:
            tags = {"My.WorkTag": f'"{self._tag}"', "My.WorkQueue": f'"{queue}"'}
            await self._jobs.submit({**_JOB, **tags, **commands}, [{"item": str(n)} for n in range(number)])


class TestHTCondorStatus(WmsContract):
    tells = frozenset({"ready", "running", "failed"})
    faults = frozenset({Fault.AWAY, Fault.SLOW})

    @pytest.fixture(autouse=True)
    def _pool(self, pool: Pool, tmp_path: Path) -> None:
        self.pool = pool
        self.configuration = tmp_path / "condor_config"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[WmsWorld]:
        world = CondorWorld(self.pool, self.configuration)
        try:
            yield world
        finally:
            await world.close()
