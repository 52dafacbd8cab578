"""The UDP lines of ATLAS wrappers: ``VERSION FID:CID STATE SECONDS QUEUE CE HARVESTER WORKER GTAG``.

Nobody is answered.  A line says what the wrapper also posts, mostly a moment earlier; so what is known, what
cannot be and what is not understood is passed over.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from autopyfactory.api import AutoPyFactoryError
from autopyfactory.model.monitor import JobDetails, JobReport, JobState
from autopyfactory.model.monitor_life import BadTransition
from autopyfactory.web.access import within
from autopyfactory.web.context import WebContext

logger = logging.getLogger(__name__)

MAX_BYTES = 2048
MAX_WAITING = 10_000
"""Lines; of more the last are lost, as they may be on their way."""
_TELL_EVERY = 1000

_STATES = {"running": JobState.RUNNING, "exiting": JobState.EXITING, "fault": JobState.FAULT}


def parsed(line: bytes, at: datetime, origin: str) -> tuple[str, str, JobReport] | None:
    """Return factory, cid and report of a line; None where it is none."""
    try:
        # one blank each: what a wrapper does not know is empty, and the rest keeps its place
        words = line[:MAX_BYTES].decode().strip("\r\n").split(" ")
    except UnicodeDecodeError:
        return None
    words += [""] * (9 - len(words))
    version, job, state, _, queue, element, _, worker, gtag = words[:9]
    factory, _, cid = job.partition(":")
    if not (version and factory and cid and state in _STATES):
        return None
    details = JobDetails(worker, queue, element, stdout=gtag)
    report = JobReport(_STATES[state], at, origin, wrapper=version, details=details, twice=True)
    return factory, cid, report


@asynccontextmanager
async def listening(context: WebContext) -> AsyncIterator[int]:
    """Take lines from named networks meanwhile; gives the port.

    Raises `AutoPyFactoryError` where it cannot listen.
    """
    settings = context.config.web
    queue: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue(MAX_WAITING)
    address = (settings.host, settings.monitor_udp_port or 0)
    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Listener(queue, context), local_addr=address
        )
    except OSError as error:
        raise AutoPyFactoryError(
            f"cannot listen to datagrams on {address[0]}:{address[1]}: {error}; "
            'choose another "[web] monitor_udp_port"'
        ) from error
    task = asyncio.create_task(_keep(queue, context), name="monitor-datagrams")
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, queue: asyncio.Queue[tuple[bytes, str]], context: WebContext) -> None:
        self._queue = queue
        self._networks = context.config.web.monitor_networks
        self._passed_over: Counter[str] = Counter()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if not within(addr[0], self._networks):
            self._tell("from networks that are not named")
            return
        try:
            self._queue.put_nowait((data, addr[0]))
        except asyncio.QueueFull:
            self._tell("for want of room")

    def _tell(self, why: str) -> None:
        # anybody can send any number of them, and the log must not grow with it
        self._passed_over[why] += 1
        if self._passed_over[why] % _TELL_EVERY == 1:
            n = self._passed_over[why]
            logger.warning("%d datagrams were passed over %s", n, why, extra={"action": "monitor"})


async def _keep(queue: asyncio.Queue[tuple[bytes, str]], context: WebContext) -> None:
    while True:
        line, origin = await queue.get()
        said = parsed(line, context.clock.now(), origin)
        if said is None:
            continue
        factory, cid, report = said
        try:
            await context.writing.report_job(factory, cid, report)
        except (KeyError, BadTransition):
            continue
        except AutoPyFactoryError as error:
            logger.warning("a datagram could not be kept: %s", error, extra={"action": "monitor"})
