"""Pilots as processes of this machine keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autopyfactory.api import BatchSystem, Context
from autopyfactory.batch.local import LocalBatch
from autopyfactory.model import FactoryId, PilotSpec
from autopyfactory.testkit.batch import BatchContract, BatchHarness

SLOTS = 4


class LocalHarness(BatchHarness):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "logs")
        self._directory = directory
        self.factory = FactoryId("ours")
        self.batch = self._make(self.factory)

    async def remake(self) -> BatchSystem:
        return self._make(self.factory)

    async def foreign(self) -> BatchSystem:
        return self._make(FactoryId("theirs"))

    async def waiting(self, queue: str = "CONTRACT") -> PilotSpec:
        # all slots at once: whatever runs already, nothing behind it starts
        blocker = self.command("/bin/sleep", "120", queue="BLOCKERS", cores=SLOTS)
        await self.batch.submit(blocker, self.pilots(1))
        return self.spec(queue=queue)

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[BatchSystem]:
        in_the_way = self._directory / "file"
        in_the_way.touch()
        yield self._make(self.factory, in_the_way)

    def _make(self, factory: FactoryId, state_dir: Path | None = None) -> LocalBatch:
        settings = LocalBatch.Settings(slots=SLOTS, kill_grace_s=1)
        return LocalBatch(
            settings, Context(factory, "local", state_dir or self._directory / "state", self.clock)
        )


class TestLocalBatch(BatchContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[BatchHarness]:
        harness = LocalHarness(tmp_path)
        yield harness
        await harness.tidy()
