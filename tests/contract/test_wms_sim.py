"""The simulated WMS keeps the contract."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

from autopyfactory.api import SystemClock, WmsStatus
from autopyfactory.model import JobCounts, WmsQueue
from autopyfactory.sim.draw import constant
from autopyfactory.sim.faults import WmsFaults
from autopyfactory.sim.timeline import Timeline
from autopyfactory.sim.wms import SimWms, Work
from autopyfactory.testkit.wms import Fault, WmsContract, WmsWorld


class SimWorld:
    def __init__(self) -> None:
        self.wms = SimWms(Timeline(SystemClock()), random.Random(1), timeout_s=0.01)
        self.plugin: WmsStatus = self.wms

    async def hold(self, jobs: Mapping[WmsQueue, JobCounts]) -> None:
        self.wms.queues.clear()
        for queue, counts in jobs.items():
            self.wms.queues[queue] = Work(
                notready=counts.notready or 0,
                ready=counts.ready or 0,
                running=counts.running or 0,
                done=counts.done or 0,
                failed=counts.failed or 0,
            )

    async def stage(self, fault: Fault) -> None:
        slow = fault is Fault.SLOW
        self.wms.faults = WmsFaults(slow_s=constant(60)) if slow else WmsFaults(fails=1)

    async def repair(self) -> None:
        self.wms.faults = WmsFaults()


class TestSimWms(WmsContract):
    faults: ClassVar[frozenset[Fault]] = frozenset({Fault.AWAY, Fault.SLOW})

    @asynccontextmanager
    async def world(self) -> AsyncIterator[WmsWorld]:
        world = SimWorld()
        yield world
        await world.plugin.close()
