"""What operators ask for, read from the store: which queues are held back and which pilots go, and why."""

import asyncio
import logging
from datetime import datetime, timedelta

from autopyfactory.api import Overrides, StoreUnavailable
from autopyfactory.model import Override, PilotId, QueueName, Retirement

logger = logging.getLogger(__name__)

HEEDED_WITHIN = timedelta(seconds=2)
"""One reading serves the cycles of all queues for that long."""


class Orders:
    """What is asked of queues and of pilots; what was read last counts while the store does not answer."""

    def __init__(self, source: Overrides | None) -> None:
        """Without a source nobody asks for anything, as in a simulated world."""
        self._source = source
        self._lock = asyncio.Lock()
        self._read_at: datetime | None = None
        self._overrides: dict[QueueName, Override] | None = None if source else {}
        self.retirements: dict[PilotId, Retirement] = {}
        """Which pilots are to be removed."""

    async def refresh(self, now: datetime) -> None:
        """Read anew what is asked for, unless that was done just now."""
        if self._source is None:
            return
        async with self._lock:
            if self._read_at is not None and now - self._read_at < HEEDED_WITHIN:
                return
            try:
                self._overrides = dict(await self._source.overrides())
                self.retirements = dict(await self._source.retirements())
            except StoreUnavailable as error:
                logger.warning("cannot read what operators ask for: %s", error, extra={"action": "orders"})
            else:
                self._read_at = now

    def holds_back(self, queue: QueueName, now: datetime) -> str:
        """Return why a queue may not submit now, or an empty text."""
        if self._overrides is None:
            return "the store does not tell yet what operators ask for"
        override = self._overrides.get(queue)
        return override.holds_back(now) if override else ""
