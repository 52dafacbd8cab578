"""A schedd, asked without ever holding up the event loop."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autopyfactory.api import Deadline
from autopyfactory.schedd.changes import Row, Summary
from autopyfactory.schedd.errors import ScheddSilent, ScheddUnreachable
from autopyfactory.schedd.frames import Request
from autopyfactory.schedd.process import WorkerProcess

logger = logging.getLogger(__name__)


class ScheddClient:
    """One schedd behind one worker process, which is started when needed and replaced when it fails.

    Requests wait for each other.  Each raises `ScheddRefused` or `ScheddUnreachable` where nothing was done,
    and `ScheddSilent` where it may have been; a request without an answer after ``timeout_s`` costs the
    worker its life.  A caller that is cancelled leaves its request to finish, which the next one waits for.
    """

    def __init__(
        self, schedd: str, collector: str, *, environment: Mapping[str, str], timeout_s: float
    ) -> None:
        self.name = schedd or "the local schedd"
        self._where = (schedd, collector)
        self._environment = environment
        self._timeout_s = timeout_s
        self._worker: WorkerProcess | None = None
        self._turn = asyncio.Lock()
        self._exchanges: set[asyncio.Task[Any]] = set()
        self._closing = False

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker; None while there is none."""
        return self._worker.pid if self._worker else None

    async def submit(
        self,
        description: Mapping[str, str],
        items: Sequence[Mapping[str, str]],
        deadline: Deadline | None = None,
    ) -> tuple[int, int, int]:
        """Submit one job for each item, in one transaction; see `Bindings.submit`."""
        result: tuple[int, int, int] = await self._call("submit", description, items, deadline)
        return result

    async def listing(
        self, constraint: str, key: str, details: Sequence[str], basis: int, take: Callable[[list[Row]], None]
    ) -> Summary:
        """Give rows to ``take``, in parts of bounded size, and return the summary; see `Changes`.

        Where an error ends it, rows that were taken count for nothing.
        """
        end: list[Summary] = []

        def take_part(part: list[Row] | Summary) -> None:
            if isinstance(part, Summary):
                end.append(part)
            else:
                take(part)

        await self._ask(Request("listing", (constraint, key, details, basis)), take_part)
        return end[0]

    async def rows(self, constraint: str, attributes: Sequence[str]) -> list[Row]:
        """Return attributes of jobs in the queue; see `Bindings.rows`."""
        result: list[Row] = await self._call("rows", constraint, attributes)
        return result

    async def history(
        self,
        constraint: str,
        attributes: Sequence[str],
        since: str,
        limit: int,
        wanted: frozenset[str],
        timeout_s: float,
    ) -> list[Row]:
        """Return attributes of ended jobs; see `Bindings.history`.

        It has a time limit of its own: the schedd reads the history from disk, as far back as ``since`` says.
        """
        request = Request("history", (constraint, attributes, since, limit, wanted))
        result: list[Row] = await self._ask(request, _no_parts, timeout_s)
        return result

    async def tally(self, constraint: str, attribute: str) -> Mapping[tuple[str, int], int]:
        """Count jobs by (text of an attribute, job status); see `Bindings.tally`."""
        result: Mapping[tuple[str, int], int] = await self._call("tally", constraint, attribute)
        return result

    async def act(self, action: str, jobs: Sequence[str] | str, reason: str, code: int) -> None:
        """Remove or release jobs by their ids or by a constraint; see `Bindings.act`."""
        await self._call("act", action, jobs, reason, code)

    async def close(self) -> None:
        """Stop the worker: what is under way becomes unknown, what waits is not done.  Twice is harmless."""
        self._closing = True
        if self._worker is not None:
            self._worker.kill()
        await asyncio.gather(*self._exchanges, return_exceptions=True)
        await self._drop_worker()
        self._closing = False

    async def _call(self, method: str, *arguments: Any) -> Any:
        return await self._ask(Request(method, arguments), _no_parts)

    async def _ask(
        self, request: Request, take: Callable[[Any], None], timeout_s: float | None = None
    ) -> Any:
        exchange = asyncio.create_task(self._exchange(request, take, timeout_s or self._timeout_s))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)
        return await asyncio.shield(exchange)

    async def _exchange(self, request: Request, take: Callable[[Any], None], timeout_s: float) -> Any:
        async with self._turn:
            worker = await self._ready_worker()
            if self._closing:
                raise ScheddUnreachable("the connection is being closed")
            try:
                async with asyncio.timeout(timeout_s):
                    return await worker.ask(request, take)
            except TimeoutError:
                await self._drop_worker()
                raise ScheddSilent(f"no answer to {request.method} within {timeout_s:g} s") from None
            except (ScheddSilent, asyncio.CancelledError):
                await self._drop_worker()
                raise

    async def _ready_worker(self) -> WorkerProcess:
        if self._worker is not None and not self._worker.alive:
            logger.warning("the worker process of %s has ended; starting another", self.name)
            await self._drop_worker()
        if self._worker is None:
            try:
                self._worker = await WorkerProcess.start(*self._where, self._environment)
            except OSError as error:
                raise ScheddUnreachable(f"cannot start a worker process for {self.name}: {error}") from error
        return self._worker

    async def _drop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()


def _no_parts(part: object) -> None:
    raise TypeError(f"an answer in one piece was expected, got the part {part!r}")
