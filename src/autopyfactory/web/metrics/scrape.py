"""One scrape: the store is read by its own thread, and the text is made in another."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client import disable_created_metrics, generate_latest

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.config import Config
from autopyfactory.web.context import WebContext
from autopyfactory.web.metrics.factory import factory_metrics
from autopyfactory.web.metrics.queues import queue_metrics
from autopyfactory.web.metrics.reading import Reader, Reading, Totals
from autopyfactory.web.metrics.shown import Shown
from autopyfactory.web.metrics.text import Family, text_of

logger = logging.getLogger(__name__)

FRESH = timedelta(seconds=1)
"""Several who scrape within that time get the same text."""
READ_TIMEOUT_S = 8
"""Less than the ten seconds that Prometheus waits."""

_ABOUT = {"action": "metrics"}

# each histogram would have a gauge beside it that nobody asked for
disable_created_metrics()  # type: ignore[no-untyped-call]


class Scraper:
    """Makes the text, once for all who ask at the same time."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._reader = Reader(context.reading, context.clock)
        self._scraping = asyncio.Lock()
        self._text = b""
        self._trouble = False
        self._made: datetime | None = None

    async def text(self) -> bytes:
        """Return all metrics in Prometheus's text format; a store that cannot be read is one of them."""
        async with self._scraping:
            now = self._context.clock.now()
            # either way: a clock may be set back
            if self._made is None or abs(now - self._made) >= FRESH:
                reading = await self._read()
                config, totals = self._context.config, self._reader.totals
                self._text = await asyncio.to_thread(self._rendered, reading, totals, config)
                self._made = self._context.clock.now()
            return self._text

    async def _read(self) -> Reading | None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                reading = await self._reader.read()
        except (StoreUnavailable, StoreRefused, TimeoutError) as error:
            if not self._trouble:
                logger.warning("metrics are without the store: %s", str(error) or "no answer", extra=_ABOUT)
            self._trouble = True
            return None
        self._trouble = False
        return reading

    def _rendered(self, reading: Reading | None, totals: Totals, config: Config) -> bytes:
        of_process = generate_latest(self._context.timings.registry)
        return text_of(_families(reading, totals, config)) + of_process


def _families(reading: Reading | None, totals: Totals, config: Config) -> Iterator[Family]:
    ended = {each.queue for each in reading.ended} if reading else set()
    left = {*(reading.live if reading else ()), *ended, *totals.cycles}
    shown = Shown(config.queues, left, config.web.metrics_queues)
    yield from factory_metrics(reading, config, shown)
    if reading is not None:
        yield from queue_metrics(reading, totals, config, shown)
