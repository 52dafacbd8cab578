"""Loops that repeat a cycle, each stopped by itself or all together."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from autopyfactory.api import Clock


class Loops:
    """A group of tasks, each of which repeats a cycle until it is stopped.

    As a context manager it ends when all loops have ended.  A loop is never interrupted within a cycle,
    unless a cycle fails: then all others are cancelled, and the failures are raised as a group.  A cycle
    that returns None instead of a pause was its loop's last.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._group = asyncio.TaskGroup()
        self._loops: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._stopped = False

    def start(
        self,
        name: str,
        cycle: Callable[[], Awaitable[float | None]],
        after: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Repeat ``cycle``, pausing for as many seconds as it returns; first wait for ``after()``."""
        if self._stopped:
            return
        stopping = asyncio.Event()
        task = self._group.create_task(self._repeat(name, cycle, after, stopping), name=name)
        self._loops[name] = (task, stopping)

    def __contains__(self, name: str) -> bool:
        """Whether a loop of that name has been started and not been stopped."""
        return name in self._loops

    async def stop(self, name: str) -> None:
        """Stop a loop, and return when its cycle has come to its end."""
        task, stopping = self._loops.pop(name)
        stopping.set()
        await asyncio.wait([task])

    def stop_all(self) -> None:
        """Have every loop end after its cycle."""
        self._stopped = True
        for _, stopping in self._loops.values():
            stopping.set()

    async def _repeat(
        self,
        name: str,
        cycle: Callable[[], Awaitable[float | None]],
        after: Callable[[], Awaitable[object]] | None,
        stopping: asyncio.Event,
    ) -> None:
        if after is not None:
            await first_of(after(), stopping.wait())
        while not stopping.is_set():
            pause_s = await cycle()
            if pause_s is None:
                self._loops.pop(name, None)  # it may have been stopped at the same moment
                return
            await first_of(self._clock.sleep(pause_s), stopping.wait())

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._group.__aexit__(kind, error, trace)


async def first_of(*awaited: Awaitable[object]) -> None:
    """Return when the first of several is done, and give up the others."""
    tasks = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
