"""What a monitor does by itself: it draws conclusions from silence, and listens to datagrams."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

from autopyfactory.api import AutoPyFactoryError, Clock, MonitorStore
from autopyfactory.web.context import WebContext
from autopyfactory.web.monitor.datagrams import listening

logger = logging.getLogger(__name__)

UPKEEP_S = 60.0
AT_ONCE = 1000


@asynccontextmanager
async def running(context: WebContext) -> AsyncIterator[None]:
    """Keep house meanwhile, and listen to datagrams if the configuration wants it.

    Raises `AutoPyFactoryError` where it cannot listen.
    """
    async with AsyncExitStack() as stack:
        if context.config.web.monitor_udp_port is not None:
            await stack.enter_async_context(listening(context))
        task = asyncio.create_task(_repeat(context), name="monitor-upkeep")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def upkeep(store: MonitorStore, clock: Clock, keep: timedelta) -> None:
    """Carry out what silence means, and forget what ended longer ago than ``keep``.

    A store that is not available does neither, until the next time.
    """
    now = clock.now()
    try:
        while await store.age_jobs(now, AT_ONCE) == AT_ONCE:
            pass
        await store.prune_monitored(now - keep)
    except AutoPyFactoryError as error:
        logger.warning("the monitor cannot keep house: %s", error, extra={"action": "monitor"})


async def _repeat(context: WebContext) -> None:
    keep = timedelta(days=context.config.factory.keep_pilots_days)
    while True:
        await upkeep(context.writing, context.clock, keep)
        await context.clock.sleep(UPKEEP_S)
