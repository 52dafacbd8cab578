"""Tells a monitor that speaks the monitors' protocol of this factory.  APF 2: ``monitorPlugin = APF``."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from autopyfactory.api import MonitorContext
from autopyfactory.model import BatchId, CycleRecord, PilotId, QueueName, log_folder, planned_at
from autopyfactory.model.monitor import LabelCard
from autopyfactory.monitor.client import MonitorAway, MonitorClient, MonitorForgot, MonitorRefused
from autopyfactory.monitor.outbox import Announced, Outbox
from autopyfactory.monitor.settings import ApfMonitorSettings

logger = logging.getLogger(__name__)

CLOSE_S = 5.0
"""How long a factory that stops waits for its last words to get through."""
LABELS_PER_CALL = 500
_FIELDS = {"action": "monitor"}


class ApfMonitor:
    """Notes what the factory does, and passes it on in rounds of its own.

    The factory presents itself and its queues first, then announces pilots with their batch ids, then tells
    the last trace of each queue's rules.  Pilots that no monitor takes wait, within bounds; traces do not:
    a newer one takes the place of an older one.
    """

    Settings = ApfMonitorSettings

    def __init__(self, settings: ApfMonitorSettings, context: MonitorContext) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._context = context
        self._factory = context.card.name
        self._client = MonitorClient(settings.url, settings.timeout_s)
        self._outbox = Outbox(settings.pilots_kept)
        self._labels = {QueueName(label.name): label for label in context.labels}
        self._started_at = context.clock.now()
        self._presented_at: datetime | None = None
        self._failures = 0
        self._lost_told = 0

    # --- noting: called within a cycle

    def cycle(self, record: CycleRecord) -> None:
        """Take note of a cycle of one queue."""
        self._outbox.decide(record.queue, record.decision)

    def submitted(self, queue: QueueName, pilots: Mapping[PilotId, BatchId]) -> None:
        """Take note of pilots that a batch system has accepted."""
        self._outbox.announce(Announced(queue, pilot, cid) for pilot, cid in pilots.items())

    # --- passing on

    async def run(self) -> None:
        """Pass on what was noted, until it is cancelled."""
        while True:
            await self._context.clock.sleep(await self.once())

    async def once(self) -> float:
        """Pass on what was noted so far; return how long to pause."""
        settings = self._settings
        try:
            await self._pass_on()
        except MonitorAway as error:
            self._failures += 1
            if self._failures == 1:
                logger.warning("the monitor does not take reports: %s", error, extra=_FIELDS)
            return min(settings.back_off_max_s, settings.interval_s * 2.0 ** min(self._failures - 1, 30))
        if self._failures:
            lost = self._outbox.lost - self._lost_told
            logger.info("the monitor takes reports again; %d pilots were lost to it", lost, extra=_FIELDS)
            self._failures, self._lost_told = 0, self._outbox.lost
        return settings.interval_s

    async def close(self) -> None:
        """Pass on what is left if the monitor took reports lately, and let go of connections."""
        try:
            if not self._failures:
                async with asyncio.timeout(CLOSE_S):
                    await self.once()
        except TimeoutError:
            logger.warning("the monitor was not told everything before the end", extra=_FIELDS)
        finally:
            await self._client.close()

    async def _pass_on(self) -> None:
        now = self._context.clock.now()
        heartbeat = timedelta(seconds=self._settings.heartbeat_s)
        if self._presented_at is None or now - self._presented_at >= heartbeat:
            await self._present(now)
        await self._present_new_queues()
        while pilots := self._outbox.take_pilots(self._settings.pilots_per_call):
            try:
                await self._announce(pilots, now)
            except BaseException:
                self._outbox.put_back(pilots)
                raise
        # those that come in meanwhile are for the next round: it would never end otherwise
        for _ in range(len(self._outbox.queues())):
            await self._tell_a_decision()

    async def _present(self, now: datetime) -> None:
        try:
            await self._client.put_factory(self._context.card, self._started_at)
            await self._put_labels(list(self._labels.values()))
        except (MonitorRefused, MonitorForgot) as error:
            # without this nothing else can be told either
            raise MonitorAway(str(error)) from error
        self._presented_at = now

    async def _present_new_queues(self) -> None:
        """Present queues that came up since the start; of them no more than the name is known."""
        new = sorted(self._outbox.queues() - self._labels.keys())
        if not new:
            return
        cards = {queue: LabelCard(self._factory, queue) for queue in new}
        try:
            await self._put_labels(list(cards.values()))
        except (MonitorRefused, MonitorForgot) as error:
            logger.warning("the monitor refuses queues: %s", error, extra=_FIELDS)
        self._labels.update(cards)

    async def _put_labels(self, cards: Sequence[LabelCard]) -> None:
        for start in range(0, len(cards), LABELS_PER_CALL):
            await self._client.put_labels(cards[start : start + LABELS_PER_CALL])

    async def _announce(self, pilots: Sequence[Announced], now: datetime) -> None:
        """Announce pilots; twice where the monitor has lost its memory meanwhile."""
        jobs = [
            {"cid": p.cid, "factory": self._factory, "label": p.queue, "workerid": p.pilot, **self._logs(p)}
            for p in pilots
        ]
        try:
            if not await self._not_created(jobs):
                return
            await self._present(now)
            left = await self._not_created(jobs)
        except MonitorRefused as error:
            logger.warning("the monitor refuses %d pilots: %s", len(jobs), error, extra=_FIELDS)
            return
        if left:
            logger.warning("the monitor does not take %d of %d pilots", left, len(jobs), extra=_FIELDS)

    def _logs(self, pilot: Announced) -> dict[str, str]:
        """Return the URLs of a pilot's logs, where they are served."""
        if not self._context.log_url:
            return {}
        folder = log_folder(planned_at(pilot.pilot), pilot.queue)
        log = f"{self._context.log_url.rstrip('/')}/{folder}/{pilot.cid}"
        return {"stdout": f"{log}.out", "stderr": f"{log}.err", "joblog": f"{log}.log"}

    async def _not_created(self, jobs: Sequence[dict[str, str]]) -> int:
        try:
            return await self._client.put_jobs(jobs)
        except MonitorForgot:  # some servers do not know factories either
            return len(jobs)

    async def _tell_a_decision(self) -> None:
        taken = self._outbox.take_decision()
        if taken is None:
            return
        queue, decision = taken
        try:
            await self._client.post_status(self._factory, queue, self._context.trace(decision))
        except MonitorForgot:
            self._presented_at = None
        except MonitorRefused as error:
            logger.warning("the monitor refuses a trace of %s: %s", queue, error, extra=_FIELDS)
        except BaseException:
            self._outbox.put_decision_back(queue, decision)
            raise
