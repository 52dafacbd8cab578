"""One cycle of one factory queue: observe, decide, reserve, plan, submit, record."""

import logging
from dataclasses import replace
from datetime import datetime

from autopyfactory.api import LeaseLost, NoRoom, StoreUnavailable
from autopyfactory.config.tree import QueueConfig
from autopyfactory.control.boundary import decide
from autopyfactory.control.endpoint import BatchSite, Listing, Sent
from autopyfactory.control.health import BackOff
from autopyfactory.control.poll import Poller
from autopyfactory.control.roster import HISTORY_KEPT
from autopyfactory.control.shared import Shared
from autopyfactory.control.surplus import Surplus
from autopyfactory.control.wms import WmsAnswer
from autopyfactory.model import (
    CycleRecord,
    Decision,
    History,
    JobCounts,
    Pilot,
    PilotId,
    PilotSpec,
    QueueName,
    QueueState,
    SiteStatus,
    log_folder,
)

logger = logging.getLogger(__name__)

QUEUE_BACK_OFF = BackOff(first_s=60, ceiling_s=3600)


class QueueCycle:
    """One factory queue."""

    def __init__(
        self,
        config: QueueConfig,
        wms: Poller[WmsAnswer],
        site: BatchSite,
        watched: Poller[Listing],
        shared: Shared,
    ) -> None:
        self.config = config
        self.name: QueueName = config.name
        self._wms = wms
        self._site = site
        self._watched = watched
        self._shared = shared
        self._surplus = Surplus(config.settings.retire.after_cycles)
        self.uses_history = any(step.rule.uses_history for step in config.chain)
        self.must_recall = False
        """Whether its rules look back and the roster does not yet know as far."""

    async def inputs_polled(self) -> None:
        """Return once its WMS and its batch system have been asked a first time."""
        await self._wms.polled.wait()
        await self._watched.polled.wait()

    async def once(self, *, dry_run: bool) -> float:
        """Run one cycle, unless another factory owns the queue; return how long to pause before the next."""
        if not self.ours:
            self._surplus.agreed(0, None, None)
            return min(self.config.settings.interval_s, self._shared.tenure.look_again_s)
        if await self._recalled():
            await self.run(dry_run=dry_run)
        return self.config.settings.interval_s

    @property
    def ours(self) -> bool:
        """Whether this factory owns the queue."""
        return self._shared.tenure.ours(self.name)

    async def run(self, *, dry_run: bool) -> CycleRecord:
        """Decide once, carry it out, and return the record; in a dry run only decide and record."""
        await self._shared.orders.refresh(self._shared.clock.now())
        now = self._shared.clock.now()
        state = self._observe(now)
        decision = self._capped(decide(self.config.chain, state))
        cycle = CycleRecord(
            state=replace(state, history=History()),
            inputs=(self._wms.age(now), self._watched.age(now)),
            decision=decision,
            note=self._objection(decision, now, dry_run=dry_run),
        )
        # no await between the decision and the reservation: what other queues decide meanwhile counts it
        n = 0 if cycle.note else decision.submit
        names = self._shared.ids.make(now, n)
        cycle = replace(cycle, planned=n)
        pilots = self._site.reserve(self.name, names, now)
        try:
            if await self._plan(cycle, pilots):
                await self._submit(names, now)
        finally:
            self._site.end_reservation(names)
        self._wish_away(self._surplus_of(decision, state), now, dry_run=dry_run)
        self._shared.listeners.cycle(cycle)
        return cycle

    async def _recalled(self) -> bool:
        """Whether its rules can look back; while the store does not serve there is nothing to decide."""
        if self.must_recall:
            since = self._shared.clock.now() - HISTORY_KEPT
            self.must_recall = not await self._shared.ledger.recall(self.name, since)
        return not self.must_recall

    # --- observe and decide

    def _observe(self, now: datetime) -> QueueState:
        roster = self._shared.roster
        answer = self._wms.current(now)
        watched = self._watched.current(now)
        jobs, status, just_started = JobCounts(), SiteStatus.UNKNOWN, 0
        if answer is not None:
            jobs = answer.value.counts.get(self.config.wms_queue, JobCounts.zero())
            status = answer.value.sites.get(self.config.wms_queue, SiteStatus.UNKNOWN)
            just_started = roster.started_since(self.name, answer.asked_at)
        return QueueState(
            name=self.name,
            observed_at=now,
            jobs=jobs,
            pilots=roster.counts(self.name) if watched is not None else None,
            site_status=self.config.status_override or status,
            just_started=just_started,
            factory_total=roster.total(),
            history=roster.history(self.name, now - HISTORY_KEPT) if self.uses_history else History(),
        )

    def _capped(self, decision: Decision) -> Decision:
        """Return the decision held against what the factory itself limits."""
        maximum = self._site.endpoint.common.max_pilots
        if maximum is not None:
            there = self._shared.roster.total_at(self._site.name)
            number = min(decision.number, max(0, maximum - there))
            why = f"{there} of max_pilots={maximum} are there"
            decision = decision.under(self._site.label).then(number, why, maximum=maximum)
        failures = self._shared.health.of(self._label).failures
        if failures and decision.submit > 1:
            why = f"one pilot as a probe, since {failures} submissions in a row were refused"
            decision = decision.under("half-open").then(1, why)
        return decision

    def _objection(self, decision: Decision, now: datetime, *, dry_run: bool) -> str:
        """Return why the decision is not carried out now, or an empty text."""
        if not decision.submit:
            return ""
        if dry_run:
            return "dry run: nothing is sent"
        if not self.config.settings.enabled:
            return "the queue is not enabled"
        if ordered := self._shared.orders.holds_back(self.name, now):
            return ordered
        health = self._shared.health
        answers = [answer for answer in (self._wms.current(now), self._watched.current(now)) if answer]
        oldest = min((answer.asked_at for answer in answers), default=None)
        return (
            self._shared.tenure.objection(self.name, oldest)
            or health.holds_back(self._label, now)
            or self._site.holds_back(now)
            or (f"store: {self._shared.ledger.trouble}" if self._shared.ledger.trouble else "")
        )

    # --- carry out

    async def _plan(self, cycle: CycleRecord, pilots: list[Pilot]) -> bool:
        try:
            await self._shared.ledger.plan(cycle, pilots, self._site.name)
        except (StoreUnavailable, LeaseLost):
            return False
        except NoRoom as full:
            return await self._plan(replace(cycle, planned=0, note=str(full)), [])
        return bool(pilots)

    async def _submit(self, names: list[PilotId], now: datetime) -> None:
        sent = await self._site.submit(self._spec(now), names)
        health = self._shared.health
        if sent.refused:
            health.failed(self._label, self._shared.clock.now(), sent.error, QUEUE_BACK_OFF)
        elif sent.accepted:
            health.succeeded(self._label, self._shared.clock.now())
        await self._shared.ledger.flush()
        self._log(sent)

    def _spec(self, now: datetime) -> PilotSpec:
        spec = self.config.spec
        day = log_folder(now, self.name)
        url = f"{spec.log_url.rstrip('/')}/{day}" if spec.log_url else ""
        return replace(spec, log_dir=spec.log_dir / day, log_url=url)

    def _log(self, sent: Sent) -> None:
        fields = {"queue": self.name, "action": "submit", "endpoint": self._site.label}
        if sent.error:
            logger.warning(
                "of %d pilots %d accepted, %d refused, %d not confirmed, %d not sent: %s",
                sent.accepted + sent.refused + sent.unconfirmed + sent.unsent,
                sent.accepted,
                sent.refused,
                sent.unconfirmed,
                sent.unsent,
                sent.error,
                extra=fields,
            )
        else:
            logger.info("submitted %d pilots", sent.accepted, extra=fields)

    def _wish_away(self, surplus: int, now: datetime, *, dry_run: bool) -> None:
        """Have surplus pilots removed once enough cycles agree."""
        wms, watched = self._wms.current(now), self._watched.current(now)
        agreed = self._surplus.agreed(
            surplus, wms.asked_at if wms else None, watched.asked_at if watched else None
        )
        self._site.wish(self.name, 0 if dry_run else agreed, self.config.settings.retire)

    def _surplus_of(self, decision: Decision, state: QueueState) -> int:
        """Return how many pilots this cycle would remove: what rules say, or all that wait for nothing."""
        nothing_to_do = state.jobs.ready == 0 and not decision.submit and not decision.blocked
        if self.config.settings.retire.idle and nothing_to_do and state.pilots is not None:
            return max(decision.retire, state.pilots.waiting)
        return decision.retire

    @property
    def _label(self) -> str:
        return f"queue.{self.name}"
