"""The HTCondor plugin keeps the contract on a real pool."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from condor_pool import Pool, new_factory, pool

from autopyfactory.api import BatchSystem
from autopyfactory.model import PilotSpec
from autopyfactory.schedd.errors import ScheddSilent
from autopyfactory.schedd.process import WorkerProcess
from autopyfactory.testkit.batch import BatchContract, BatchHarness

pytestmark = pytest.mark.htcondor
__all__ = ["pool"]


class HTCondorHarness(BatchHarness):
    """Pilots run on the pool as its user."""

    patience_s = 120
    poll_s = 0.2

    def __init__(self, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(pool.folder())
        self._pool = pool
        self._monkeypatch = monkeypatch
        self.factory = new_factory()
        self._foreign = new_factory()
        self.batch: BatchSystem = pool.batch(self.factory)
        self._made: list[BatchSystem] = []

    async def remake(self) -> BatchSystem:
        self._made.append(self._pool.batch(self.factory))
        return self._made[-1]

    async def foreign(self) -> BatchSystem:
        self._made.append(self._pool.batch(self._foreign))
        return self._made[-1]

    async def waiting(self, queue: str = "CONTRACT") -> PilotSpec:
        return self.command("/bin/sh", queue=queue, attributes={"Requirements": "False"})

    @asynccontextmanager
    async def replies_lost_after_the_deed(self) -> AsyncIterator[BatchSystem]:
        ask = WorkerProcess.ask

        async def lose(worker: WorkerProcess, *request: object) -> object:
            await ask(worker, *request)  # type: ignore[arg-type]
            raise ScheddSilent("the worker process ended in the middle of a request")

        with self._monkeypatch.context() as patched:
            patched.setattr(WorkerProcess, "ask", lose)
            yield self.batch

    @asynccontextmanager
    async def requests_lost(self) -> AsyncIterator[BatchSystem]:
        batch = self._pool.batch(self.factory, answer_within_s=2)
        await batch.status()
        worker = batch.schedd.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        try:
            yield batch
        finally:
            await batch.close()

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[BatchSystem]:
        batch = self._pool.batch(self.factory, collector="127.0.0.1:1")
        try:
            yield batch
        finally:
            await batch.close()

    async def tidy(self) -> None:
        await super().tidy()
        for batch in self._made:
            await batch.close()
        await asyncio.to_thread(shutil.rmtree, self.log_dir, ignore_errors=True)


class TestHTCondorBatch(BatchContract):
    @pytest.fixture
    async def harness(self, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BatchHarness]:
        harness = HTCondorHarness(pool, monkeypatch)
        yield harness
        await harness.tidy()
