"""What a batch plugin's tests give to `autopyfactory.testkit.batch.BatchContract`."""

import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import pytest

from autopyfactory.api import BatchSystem, Clock, SystemClock
from autopyfactory.model import (
    BatchStatus,
    Ending,
    FactoryId,
    PilotId,
    PilotIds,
    PilotSpec,
    PilotState,
    QueueName,
)

Listing = Mapping[PilotId, BatchStatus]
T = TypeVar("T")
Batch = AbstractAsyncContextManager[BatchSystem]


class BatchHarness(ABC):
    """A batch plugin on a backend that runs at least one pilot at a time.

    Subclasses set ``batch`` and ``factory`` (the id that the plugin tags its pilots with) and say how to make
    a second plugin object.  What the backend cannot be made to do stays as it is here: that is skipped.
    """

    batch: BatchSystem
    factory: FactoryId

    clock: Clock = SystemClock()
    """What waiting goes by: virtual for backends in memory."""
    patience_s: float = 30.0
    """How long anything may take before it counts as never."""
    poll_s: float = 0.05
    long_s: float = 120.0
    """A pilot that sleeps so long outlives every test."""
    runs_commands: bool = True
    """Whether pilots are real processes, with an environment and with output."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self._ids = PilotIds(random.SystemRandom().getrandbits)

    # to be written for each plugin

    @abstractmethod
    async def remake(self) -> BatchSystem:
        """Return a second plugin object on the same backend, as after a restart of the factory."""

    @abstractmethod
    async def foreign(self) -> BatchSystem:
        """Return a plugin object of another factory on the same backend."""

    @abstractmethod
    async def waiting(self, queue: str = "CONTRACT") -> PilotSpec:
        """Return a specification whose pilots wait for as long as a test lasts."""

    # fit for backends that run commands of this machine

    def spec(
        self,
        *,
        sleep_s: float = 0,
        exit_code: int = 0,
        signal_number: int | None = None,
        queue: str = "CONTRACT",
    ) -> PilotSpec:
        """Return a specification whose pilots sleep, then exit with this code or die of this signal."""
        last = f"exit {exit_code}" if signal_number is None else f"kill -{int(signal_number)} $$"
        return self.command("/bin/sh", "-c", f"sleep {sleep_s}; {last}", queue=queue)

    def prints_environment(self) -> PilotSpec:
        """Return a specification whose pilots print their environment, one NAME=value a line."""
        environment = {
            "APFMON": "http://localhost/monitor",
            "APF_CONTRACT": """it's "quoted", with  spaces; and $HOME, a\\backslash, 100%""",
        }
        return self.command("/usr/bin/env", environment=environment, log_url="http://localhost/logs")

    def impossible(self) -> PilotSpec:
        """Return a specification that the backend must refuse."""
        return self.command("/nonexistent/executable")

    def command(
        self,
        executable: str,
        *arguments: str,
        queue: str = "CONTRACT",
        environment: Mapping[str, str] | None = None,
        log_url: str = "",
        attributes: Mapping[str, str] | None = None,
        cores: int = 1,
    ) -> PilotSpec:
        """Return a specification of a small pilot."""
        return PilotSpec(
            queue=QueueName(queue),
            executable=Path(executable),
            arguments=arguments,
            environment=environment or {},
            cores=cores,
            memory_mb=64,
            disk_mb=16,
            attributes=attributes or {},
            log_dir=self.log_dir / queue,
            log_url=log_url,
        )

    # faults: context managers that yield the plugin to use while the fault lasts

    def partial_submissions(self) -> Batch:
        """Have some pilots of every submission accepted and the others refused."""
        pytest.skip("this backend takes a submission whole or not at all")

    def replies_lost_after_the_deed(self) -> Batch:
        """Have submissions done, and their confirmation lost."""
        pytest.skip("this backend cannot be made to lose a reply")

    def requests_lost(self) -> Batch:
        """Have submissions lost on their way."""
        pytest.skip("this backend cannot be made to lose a request")

    def unreachable(self) -> Batch:
        """Have queries fail."""
        pytest.skip("this backend cannot be made unreachable")

    # for the suite

    def pilots(self, n: int) -> list[PilotId]:
        """Return n new pilot ids."""
        return self._ids.make(self.clock.now(), n)

    async def settle(
        self, done: Callable[[Listing], bool], what: str, batch: BatchSystem | None = None
    ) -> Listing:
        """Return the first listing that is as expected; fails where there is none in `patience_s`."""
        return await self._wait((batch or self.batch).status, done, what)

    async def endings(
        self, pilots: Collection[PilotId], batch: BatchSystem | None = None
    ) -> Mapping[PilotId, Ending]:
        """Return the endings of all these pilots once all are known."""
        asked = batch or self.batch
        return await self._wait(
            lambda: asked.ended(pilots), lambda ended: len(ended) == len(pilots), "all have ended"
        )

    async def tidy(self) -> None:
        """Cancel what the test left behind, and close."""
        for batch in (await self.remake(), await self.foreign()):
            left = set(await batch.status())
            await batch.cancel(left)
            await self.settle(absent(left), "the backend is empty", batch=batch)
            await batch.close()
        await self.batch.close()

    async def _wait(self, ask: Callable[[], Awaitable[T]], done: Callable[[T], bool], what: str) -> T:
        start = self.clock.now()
        while not done(answer := await ask()):
            waited_s = (self.clock.now() - start).total_seconds()
            if waited_s > self.patience_s:
                pytest.fail(f"after {waited_s:.0f} s still not so: {what}; last answer: {answer}")
            await self.clock.sleep(self.poll_s)
        return answer


def listed(pilots: Collection[PilotId]) -> Callable[[Listing], bool]:
    """Whether all of these are in the listing."""
    return lambda listing: all(pilot in listing for pilot in pilots)


def running(pilots: Collection[PilotId]) -> Callable[[Listing], bool]:
    """Whether all of these run."""
    return lambda listing: all(
        pilot in listing and listing[pilot].state is PilotState.RUNNING for pilot in pilots
    )


def absent(pilots: Collection[PilotId]) -> Callable[[Listing], bool]:
    """Whether none of these are in the listing."""
    return lambda listing: not any(pilot in listing for pilot in pilots)
