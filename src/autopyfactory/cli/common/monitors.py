"""Monitors that are told of this factory, while it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version

from autopyfactory.api import Clock, FactoryListener, Monitor, MonitorContext
from autopyfactory.config import Config
from autopyfactory.model import BatchId, CycleRecord, PilotId, QueueName
from autopyfactory.model.monitor import FactoryCard, LabelCard
from autopyfactory.sched.message import apf2_message

logger = logging.getLogger(__name__)


@asynccontextmanager
async def told_monitors(
    config_in_force: Callable[[], Config], clock: Clock
) -> AsyncIterator[tuple[FactoryListener, ...]]:
    """Build every ``[monitor.NAME]``, and let it pass on meanwhile what it notes of its queues.

    One that breaks is logged, and the factory goes on.
    """
    config = config_in_force()
    async with AsyncExitStack() as stack:
        told: list[FactoryListener] = []
        for target in config.monitors.values():
            monitor: Monitor = target.plugin(target.settings, _context(config, target.name, clock))
            stack.push_async_callback(monitor.close)
            await stack.enter_async_context(_running(target.name, monitor))
            told.append(_OfItsQueues(monitor, target.name, config_in_force))
        yield tuple(told)


class _OfItsQueues:
    """Passes on what a monitor is told of."""

    def __init__(self, monitor: Monitor, name: str, config_in_force: Callable[[], Config]) -> None:
        self._monitor = monitor
        self._name = name
        self._config_in_force = config_in_force

    def cycle(self, record: CycleRecord) -> None:
        if self._is_told_of(record.queue):
            self._monitor.cycle(record)

    def submitted(self, queue: QueueName, pilots: Mapping[PilotId, BatchId]) -> None:
        if self._is_told_of(queue):
            self._monitor.submitted(queue, pilots)

    def _is_told_of(self, queue: QueueName) -> bool:
        config = self._config_in_force().queues.get(queue)
        # pilots of a queue that was removed may turn up even now
        return config is None or config.tells(self._name)


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


def _context(config: Config, monitor: str, clock: Clock) -> MonitorContext:
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
        if queue.tells(monitor)
    ]
    return MonitorContext(card, labels, apf2_message, clock, factory.log_url)
