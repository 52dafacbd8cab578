"""A part of the virtual world that can be stopped and continued, as a process is by SIGSTOP and SIGCONT."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

from autopyfactory.sim.loop import PROCESS, VirtualLoop

T = TypeVar("T")


class Process:
    """The tasks that are started in it, and all that those start.

    While it is stopped none of them takes a step, and its timers do not fire; everything that would have
    happened in it happens at once, in the same order, when it is continued.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("a virtual process needs a virtual loop: start it with run_virtual()")
        self._loop = loop

    @property
    def stopped(self) -> bool:
        """Whether it stands still."""
        return self._loop.holds(self)

    def start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start a task of this process."""
        return asyncio.create_task(work, name=name, context=_context_of(self))

    def stop(self) -> None:
        """Let it stand still from the next step of the loop on."""
        self._loop.hold(self)

    def go_on(self) -> None:
        """Let it go on where it stands still.  Harmless where it does not."""
        self._loop.release(self)

    @staticmethod
    async def outside(work: Coroutine[Any, Any, T]) -> T:
        """Await what happens outside of every process: it goes on while the one that waits is stopped."""
        return await asyncio.create_task(work, context=_context_of(None))


def _context_of(process: Process | None) -> Context:
    context = copy_context()
    context.run(PROCESS.set, process)
    return context
