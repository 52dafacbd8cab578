"""Many reports, one transaction: what arrives while the store is busy is kept together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from autopyfactory.api import AutoPyFactoryError, Clock, DeskStore, StoreUnavailable
from autopyfactory.model import PilotReport

logger = logging.getLogger(__name__)

GATHER_S = 0.005
"""How long a first report waits for company: a commit costs as much for one as for many."""
AT_ONCE = 500
MAX_WAITING = 10_000
"""Reports; with more the store is too slow, and wrappers are told to come back."""


class IntakeFull(AutoPyFactoryError):
    """More reports wait than can be kept soon: send them again later."""


@dataclass(slots=True)
class _Waiting:
    reports: Sequence[PilotReport]
    known: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """Takes reports, each call of one pilot, and keeps them in batches."""

    def __init__(self, store: DeskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._queue: list[_Waiting] = []
        self._size = 0
        self._arrived = asyncio.Event()

    async def add(self, reports: Sequence[PilotReport]) -> bool:
        """Return once reports of one pilot are kept; False where the store does not know the pilot.

        Raises `IntakeFull`, and `StoreUnavailable`: nothing of them is kept.
        """
        if self._size + len(reports) > MAX_WAITING:
            raise IntakeFull("too many reports wait")
        waiting = _Waiting(reports)
        self._queue.append(waiting)
        self._size += len(reports)
        self._arrived.set()
        return await waiting.known

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep what arrives, until the end; what waits then is kept first."""
        task = asyncio.create_task(self._run(), name="report-intake")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            while self._queue:
                await self._keep(self._take())

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if self._size < AT_ONCE:
                await self._clock.sleep(GATHER_S)
            # shielded: what is being written is acknowledged even where the web stops meanwhile
            await asyncio.shield(self._keep(self._take()))

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        n = 0
        for waiting in self._queue:
            if taken and n + len(waiting.reports) > AT_ONCE:
                break
            taken.append(waiting)
            n += len(waiting.reports)
        del self._queue[: len(taken)]
        self._size -= n
        if not self._queue:
            self._arrived.clear()
        return taken

    async def _keep(self, taken: Sequence[_Waiting]) -> None:
        try:
            unknown = await self._store.add_reports(
                [report for waiting in taken for report in waiting.reports]
            )
        except AutoPyFactoryError as error:
            _fail(taken, error)
        except Exception:
            logger.exception("reports could not be kept", extra={"action": "reports"})
            _fail(taken, StoreUnavailable("reports could not be kept; the log tells why"))
        else:
            for waiting in taken:
                if not waiting.known.done():
                    waiting.known.set_result(waiting.reports[0].pilot not in unknown)


def _fail(taken: Sequence[_Waiting], error: AutoPyFactoryError) -> None:
    for waiting in taken:
        if not waiting.known.done():
            waiting.known.set_exception(error)
