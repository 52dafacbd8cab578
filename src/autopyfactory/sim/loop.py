"""Virtual time: an event loop that jumps to the next timer instead of waiting for it."""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple, Unpack

from autopyfactory.api import AutoPyFactoryError

T = TypeVar("T")
Args = TypeVarTuple("Args")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROCESS: ContextVar[object] = ContextVar("process", default=None)
"""What a callback belongs to, where it may be held: see `autopyfactory.sim.process`."""
_MANY = 1000
"""Cancelled timers that are worth a sweep of the heap."""


class Deadlock(AutoPyFactoryError):
    """Every task waits for another one and no timer is set: nothing would ever happen again."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still while anything is ready, and then jumps to the next timer.

    Timers of one instant fire in the order in which they were set, so that a run repeats exactly.  Work for
    threads (``asyncio.to_thread``, ``run_in_executor``) is done at once, in the loop's own thread, for the
    same reason.  There is no I/O: a task that waits for a socket or a child process waits for ever
    (`Deadlock`).
    """

    def __init__(self, start: datetime = _EPOCH) -> None:
        """Begin at ``start``, an aware time."""
        self.start = start
        self._elapsed_s = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_set = 0
        self._timers_cancelled = 0
        self.steps = 0
        """Turns of the loop so far: at each one every task stands at an ``await``."""
        self._alarms: list[tuple[int, int, Callable[[], object]]] = []
        self._alarms_set = 0
        self._held: dict[object, list[asyncio.Handle]] = {}
        super().__init__(_NoIO(self._due))

    def time(self) -> float:
        """Return virtual seconds since the start."""
        return self._elapsed_s

    def now(self) -> datetime:
        """Return the virtual time, in UTC."""
        return self.start + timedelta(seconds=self._elapsed_s)

    def set_alarm(self, step: int, call: Callable[[], object]) -> None:
        """Have ``call()`` happen at the beginning of that step."""
        self._alarms_set += 1
        heapq.heappush(self._alarms, (step, self._alarms_set, call))

    def hold(self, process: object) -> None:
        """Let nothing happen that belongs to a process, until it is released."""
        self._held.setdefault(process, [])

    def release(self, process: object) -> None:
        """Let everything happen now that was held."""
        self._ready.extend(self._held.pop(process, ()))  # type: ignore[attr-defined]

    def holds(self, process: object) -> bool:
        """Whether a process is held."""
        return process in self._held

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer.

        The base class keeps handles in its heap and compares them in Python; tuples compare in C, which
        makes the whole loop about twice as fast.
        """
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        handle._scheduled = True  # type: ignore[attr-defined]  # so that a cancelled one is told to the loop
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, handle))
        return handle

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call the function here and now."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the waiter's, exactly as from a thread
            done.set_exception(error)
        return done

    def _due(self) -> list[asyncio.TimerHandle]:
        """Jump to the next instant that has a timer, and return all of its timers."""
        timers = self._timers
        due: list[asyncio.TimerHandle] = []
        while timers and (not due or timers[0][0] <= self._elapsed_s):
            when, _, handle = heapq.heappop(timers)
            if handle.cancelled():
                self._timers_cancelled -= 1
                continue
            handle._scheduled = False  # type: ignore[attr-defined]
            self._elapsed_s = max(self._elapsed_s, when)
            due.append(handle)
        if not due:
            raise Deadlock(f"nothing is ready and no timer is set; waiting: {_waiting(self)}")
        return due

    # What follows are the base class's own hooks for its timers and for what its selector returns.

    def _run_once(self) -> None:
        self.steps += 1
        while self._alarms and self.steps >= self._alarms[0][0]:
            heapq.heappop(self._alarms)[2]()
        if self._held:
            ready = self._ready  # type: ignore[attr-defined]
            for _ in range(len(ready)):
                ready.extend(self._not_held([ready.popleft()]))
        super()._run_once()  # type: ignore[misc]

    def _process_events(self, event_list: list[Any]) -> None:
        due = self._not_held(event_list) if self._held else event_list
        self._ready.extend(due)  # type: ignore[attr-defined]

    def _not_held(self, handles: Iterable[asyncio.Handle]) -> list[asyncio.Handle]:
        """Put away what belongs to processes that are held, and return the rest."""
        rest: list[asyncio.Handle] = []
        for handle in handles:
            process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
            self._held.get(process, rest).append(handle)
        return rest

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if not handle._scheduled:  # type: ignore[attr-defined]
            return  # it has fired already: asyncio.sleep() cancels its timer in any case
        self._timers_cancelled += 1
        if self._timers_cancelled > _MANY and self._timers_cancelled * 2 > len(self._timers):
            # time-outs of calls that came back in time: without this they would pile up for hours
            self._timers = [timer for timer in self._timers if not timer[2].cancelled()]
            heapq.heapify(self._timers)
            self._timers_cancelled = 0


class VirtualClock:
    """The clock of the virtual loop that it is made in."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("a virtual clock needs a virtual loop: start it with run_virtual()")
        self._loop = loop

    def now(self) -> datetime:
        """Return the loop's virtual time."""
        return self._loop.now()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)


def run_virtual(main: Coroutine[Any, Any, T], start: datetime) -> T:
    """Run a coroutine to its end in a new virtual loop, and return its result.

    Raises `Deadlock` where nothing could ever wake it up again.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start)) as runner:
        return runner.run(main)


class _NoIO(selectors.BaseSelector):
    """A selector that never waits: with nothing ready, it has the next timers brought forward."""

    def __init__(self, due: Callable[[], list[asyncio.TimerHandle]]) -> None:
        self._due = due
        self._keys: dict[object, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[Any]:
        return [] if timeout is not None else self._due()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


def _waiting(loop: asyncio.AbstractEventLoop) -> str:
    return ", ".join(sorted(_where(task) for task in asyncio.all_tasks(loop))) or "no task"


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    place = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
    return f"{task.get_name()}{place}"
