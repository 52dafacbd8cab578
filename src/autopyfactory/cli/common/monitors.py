"""Monitors that are told of this factory, while it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version

from autopyfactory.api import Clock, Monitor, MonitorContext
from autopyfactory.config import Config
from autopyfactory.model.monitor import FactoryCard, LabelCard
from autopyfactory.sched.message import apf2_message

logger = logging.getLogger(__name__)


@asynccontextmanager
async def told_monitors(config: Config, clock: Clock) -> AsyncIterator[tuple[Monitor, ...]]:
    """Build every ``[monitor.NAME]``, and let it pass on meanwhile what it notes.

    One that breaks is logged, and the factory goes on.
    """
    context = _context(config, clock)
    async with AsyncExitStack() as stack:
        monitors: list[Monitor] = []
        for target in config.monitors.values():
            monitor: Monitor = target.plugin(target.settings, context)
            stack.push_async_callback(monitor.close)
            await stack.enter_async_context(_running(target.name, monitor))
            monitors.append(monitor)
        yield tuple(monitors)


@asynccontextmanager
async def _running(name: str, monitor: Monitor) -> AsyncIterator[None]:
    async def run() -> None:
        try:
            await monitor.run()
        except Exception:
            logger.exception(
                "[monitor.%s] broke, and is told nothing more", name, extra={"action": "monitor"}
            )

    task = asyncio.create_task(run(), name=f"monitor {name}")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _context(config: Config, clock: Clock) -> MonitorContext:
    factory = config.factory
    card = FactoryCard(
        factory.id,
        factory.log_url or config.web.url,
        factory.admin_email,
        version("autopyfactory"),
        "AutoPyFactory",
    )
    labels = [
        LabelCard(factory.id, name, queue.settings.batch, queue.wms_queue)
        for name, queue in config.queues.items()
    ]
    return MonitorContext(card, labels, apf2_message, clock)
