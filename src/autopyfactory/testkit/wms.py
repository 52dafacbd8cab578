"""The contract of WMS status plugins as a test class.

Subclass `WmsContract` in a test file, let ``world`` build a WMS that obeys the test together with the plugin
that asks it, and name the faults that it can stage::

    class TestMyStatus(WmsContract):
        faults = frozenset(Fault)

        @asynccontextmanager
        async def world(self) -> AsyncIterator[WmsWorld]:
            async with my_test_server() as server:
                yield MyWorld(server, MyStatus(MyStatus.Settings(url=server.url), context))

The tests are coroutines: run them with pytest-asyncio in its ``auto`` mode.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from enum import StrEnum
from typing import ClassVar, Protocol

import pytest

from autopyfactory.api import WmsStatus, WmsUnavailable
from autopyfactory.model import JobCounts, SiteStatus, WmsQueue


class Fault(StrEnum):
    """What may be wrong with a WMS."""

    AWAY = "away"
    """Nothing answers: the connection is refused, or the service is gone."""
    ERROR = "error"
    """It answers that it failed."""
    GARBAGE = "garbage"
    """It answers something that is no answer."""
    SLOW = "slow"
    """It answers long after the time-out of the plugin; let that be a second at most."""


class WmsWorld(Protocol):
    """A WMS at the command of a test, and the plugin under test that asks it."""

    @property
    def plugin(self) -> WmsStatus:
        """The plugin under test; the same one for the whole test."""
        ...

    async def hold(self, jobs: Mapping[WmsQueue, JobCounts]) -> None:
        """Let the WMS hold exactly these jobs; queues left out have none."""
        ...

    async def stage(self, fault: Fault) -> None:
        """Let the fault begin."""
        ...

    async def repair(self) -> None:
        """Let the fault end; the jobs held are as before."""
        ...


BNL, AGLT2, IDLE = WmsQueue("BNL"), WmsQueue("AGLT2"), WmsQueue("IDLE")
JOBS = {
    BNL: JobCounts(notready=3, ready=40, running=10, done=2, failed=1),
    AGLT2: JobCounts(notready=0, ready=0, running=2, done=0, failed=0),
}
FEWER = {AGLT2: JobCounts(notready=0, ready=1, running=0, done=2, failed=0)}


class WmsContract(ABC):
    """What every WMS status plugin keeps, fakes included."""

    tells: ClassVar[frozenset[str]] = frozenset({"notready", "ready", "running", "done", "failed"})
    """The numbers of `JobCounts` that the WMS knows; the others are not compared."""
    knows_empty: ClassVar[bool] = True
    """Whether "no jobs at all" is a good answer; False: it looks like a failure, and must be told as one."""
    faults: ClassVar[frozenset[Fault]] = frozenset({Fault.AWAY})
    """The faults that ``world`` can stage."""

    @abstractmethod
    def world(self) -> AbstractAsyncContextManager[WmsWorld]:
        """Return a WMS without jobs and a fresh plugin; leaving closes both."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests of faults once for each fault that can be staged."""
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", sorted(self.faults))

    async def test_counts_what_is_held(self) -> None:
        """Every queue comes back with its own numbers, all in one call."""
        async with self.world() as world:
            await world.hold(JOBS)
            self._check(await world.plugin.counts(), JOBS)

    async def test_counts_are_not_remembered(self) -> None:
        """Each call tells the present: jobs that are gone are no longer counted."""
        async with self.world() as world:
            await world.hold(JOBS)
            await world.plugin.counts()
            await world.hold(FEWER)
            self._check(await world.plugin.counts(), FEWER)

    async def test_nothing_to_do(self) -> None:
        """No jobs at all: nothing is ready anywhere, or a failure where the WMS cannot tell the two apart."""
        async with self.world() as world:
            if self.knows_empty:
                self._check(await world.plugin.counts(), {})
            else:
                with pytest.raises(WmsUnavailable):
                    await world.plugin.counts()

    async def test_a_fault_gives_no_numbers(self, fault: Fault) -> None:
        """A failed query is unknown, never zero and never the last good answer."""
        async with self.world() as world:
            await world.hold(JOBS)
            await world.plugin.counts()
            await world.stage(fault)
            with pytest.raises(WmsUnavailable) as caught:
                await asyncio.wait_for(world.plugin.counts(), timeout=30)
            assert str(caught.value).strip(), "the error must tell the operator what failed"

    async def test_goes_on_after_a_fault(self, fault: Fault) -> None:
        """Once the WMS is back the same plugin answers again by itself."""
        async with self.world() as world:
            await world.hold(JOBS)
            await world.stage(fault)
            with pytest.raises(WmsUnavailable):
                await asyncio.wait_for(world.plugin.counts(), timeout=30)
            await world.repair()
            self._check(await world.plugin.counts(), JOBS)

    async def test_fault_before_site_status(self, fault: Fault) -> None:
        """The status of sites fails with `WmsUnavailable`, or is answered without asking the WMS."""
        async with self.world() as world:
            await world.hold(JOBS)
            await world.stage(fault)
            sites: Mapping[WmsQueue, SiteStatus] = {}
            with suppress(WmsUnavailable):
                sites = await asyncio.wait_for(world.plugin.site_status(), timeout=30)
            assert set(sites.values()) <= set(SiteStatus)

    async def test_a_cancelled_call_does_no_harm(self) -> None:
        """A caller may give up at any time; the next call is good."""
        async with self.world() as world:
            await world.hold(JOBS)
            call = asyncio.create_task(_counts(world.plugin))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            self._check(await world.plugin.counts(), JOBS)

    async def test_calls_at_the_same_time(self) -> None:
        """Two callers get the same answer."""
        async with self.world() as world:
            await world.hold(JOBS)
            for answer in await asyncio.gather(world.plugin.counts(), world.plugin.counts()):
                self._check(answer, JOBS)

    async def test_site_status(self) -> None:
        """Sites have a status out of `SiteStatus`."""
        async with self.world() as world:
            await world.hold(JOBS)
            sites = await world.plugin.site_status()
            assert all(isinstance(status, SiteStatus) for status in sites.values())

    async def test_close_twice(self) -> None:
        """Closing is harmless before the first call, and twice."""
        async with self.world() as world:
            await world.plugin.close()
            await world.plugin.close()

    def _check(self, answer: Mapping[WmsQueue, JobCounts], held: Mapping[WmsQueue, JobCounts]) -> None:
        for queue in {BNL, AGLT2, IDLE, *answer}:
            told, true = answer.get(queue, JobCounts.zero()), held.get(queue, JobCounts.zero())
            for name in self.tells:
                assert getattr(told, name) == getattr(true, name), f"{name} of {queue}"


async def _counts(plugin: WmsStatus) -> Mapping[WmsQueue, JobCounts]:
    return await plugin.counts()
