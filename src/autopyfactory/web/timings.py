"""How long things take in this process, as those who do them tell."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

from autopyfactory.api import Clock

_LOOK_EVERY_S = 0.5
_CYCLE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_SHORT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Timings:
    """Stopwatches to hand out, and what they measured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._store = Histogram(
            "apf_store_seconds",
            "Time from asking the store to its answer, by whom it serves and by what is asked.",
            ("user", "kind"),
            buckets=_SHORT_S,
            registry=self.registry,
        )
        self._lag = Histogram(
            "apf_event_loop_lag_seconds",
            "How much later than due the event loop wakes up what sleeps.",
            buckets=_SHORT_S,
            registry=self.registry,
        )

    def cycles(self) -> Callable[[], AbstractContextManager[object]]:
        """Return the stopwatch of cycles, for a factory in this process."""
        cycles = Histogram(
            "apf_cycle_seconds",
            "Duration of a cycle of one queue: decide, plan, submit, record.",
            buckets=_CYCLE_S,
            registry=self.registry,
        )
        return cycles.time

    def store(self, user: str) -> Callable[[str], AbstractContextManager[object]]:
        """Return the stopwatch of a store that serves ``user``; it is called with ``read`` or ``write``."""
        kinds = {kind: self._store.labels(user, kind) for kind in ("read", "write")}
        return lambda kind: kinds[kind].time()

    @asynccontextmanager
    async def watching_the_loop(self, clock: Clock) -> AsyncIterator[None]:
        """Watch the event loop meanwhile."""
        watching = asyncio.create_task(self._watch(clock), name="event-loop-lag")
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self, clock: Clock) -> None:
        while True:
            start = time.perf_counter()
            await clock.sleep(_LOOK_EVERY_S)
            self._lag.observe(max(0.0, time.perf_counter() - start - _LOOK_EVERY_S))
