"""The simulated batch system keeps the contract, on a real event loop and with time that jumps."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopyfactory.api import BatchSystem
from autopyfactory.model import FactoryId, PilotSpec
from autopyfactory.sim.batch import SimBatch
from autopyfactory.sim.draw import constant
from autopyfactory.sim.faults import BatchFaults
from autopyfactory.sim.job import Run
from autopyfactory.sim.site import SimSite, SiteSettings
from autopyfactory.sim.timeline import Timeline
from autopyfactory.testkit.batch import BatchContract, BatchHarness


class JumpingClock:
    """Sleeps no longer than it takes to say so."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 22, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=max(0.0, seconds))
        await asyncio.sleep(0)


class SimHarness(BatchHarness):
    """What pilots do is written in their specification's attributes."""

    runs_commands = False
    poll_s = 1

    def __init__(self, log_dir: Path) -> None:
        super().__init__(log_dir)
        self.clock = JumpingClock()
        self.factory = FactoryId("ours")
        settings = SiteSettings(slots=4, queue_latency_s=constant(2), script=_script)
        self.site = SimSite(Timeline(self.clock), random.Random(2), settings)
        self.batch = SimBatch(self.site, self.factory)

    async def remake(self) -> BatchSystem:
        return SimBatch(self.site, self.factory)

    async def foreign(self) -> BatchSystem:
        return SimBatch(self.site, FactoryId("theirs"))

    async def waiting(self, queue: str = "CONTRACT") -> PilotSpec:
        blockers = self.pilots(self.site.settings.slots)
        await self.batch.submit(self.spec(sleep_s=1e6, queue="BLOCKERS"), blockers)
        return self.spec(queue=queue)

    def spec(
        self,
        *,
        sleep_s: float = 0,
        exit_code: int = 0,
        signal_number: int | None = None,
        queue: str = "CONTRACT",
    ) -> PilotSpec:
        run = {"wall_s": str(sleep_s), "exit_code": str(exit_code), "signal": str(int(signal_number or 0))}
        return self.command("/bin/true", queue=queue, attributes=run)

    def impossible(self) -> PilotSpec:
        return replace(self.spec(), cores=1000)

    @asynccontextmanager
    async def _with(self, faults: BatchFaults) -> AsyncIterator[BatchSystem]:
        self.site.faults = faults
        yield self.batch
        self.site.faults = BatchFaults()

    @asynccontextmanager
    async def partial_submissions(self) -> AsyncIterator[BatchSystem]:
        async with self._with(BatchFaults(refused_share=0.5)) as batch:
            yield batch

    @asynccontextmanager
    async def replies_lost_after_the_deed(self) -> AsyncIterator[BatchSystem]:
        async with self._with(BatchFaults(reply_lost=1, deed_lag_s=5)) as batch:
            yield batch

    @asynccontextmanager
    async def requests_lost(self) -> AsyncIterator[BatchSystem]:
        async with self._with(BatchFaults(request_lost=1)) as batch:
            yield batch

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[BatchSystem]:
        async with self._with(BatchFaults(listing_fails=1, history_fails=1)) as batch:
            yield batch


def _script(spec: PilotSpec) -> Run:
    told = spec.attributes
    return Run(float(told["wall_s"]), int(told["exit_code"]), int(told["signal"]) or None)


class TestSimBatch(BatchContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[BatchHarness]:
        harness = SimHarness(tmp_path)
        yield harness
        await harness.tidy()
