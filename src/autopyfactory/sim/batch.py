"""A batch system in memory: a factory's way to a simulated site."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from autopyfactory.api import BatchUnavailable, Deadline, SubmitRejected, SubmitTooLate, SubmitUnknown
from autopyfactory.model import (
    BatchStatus,
    Ending,
    FactoryId,
    PilotId,
    PilotSpec,
    SubmitResult,
)
from autopyfactory.sim.job import Job
from autopyfactory.sim.site import SimSite
from autopyfactory.sim.timeline import moment


class SimBatch:
    """A `BatchSystem` without processes.  Make another one on the same site for a restarted factory.

    What goes wrong is up to ``site.faults``.
    """

    def __init__(self, site: SimSite, factory: FactoryId) -> None:
        self.site = site
        self._factory = factory
        self._last_listing: Mapping[PilotId, BatchStatus] = {}

    async def submit(
        self, spec: PilotSpec, pilots: Sequence[PilotId], *, deadline: Deadline | None = None
    ) -> SubmitResult:
        """See `BatchSystem.submit`."""
        site, faults, strikes = self.site, self.site.faults, self.site.luck.strikes
        if spec.cores > site.settings.max_cores:
            raise SubmitRejected(f"no node has {spec.cores} cores; ask for at most {site.settings.max_cores}")
        if not pilots:
            return SubmitResult({})
        after_s = await self._half_the_delay()
        if deadline is not None and deadline.passed:
            raise SubmitTooLate("it was too late when the simulated batch system was reached")
        site.on_arrival(pilots)
        if strikes(faults.submit_rejected):
            raise SubmitRejected("the simulated batch system takes no submissions at present")
        if strikes(faults.request_lost):
            raise SubmitUnknown("the simulated batch system did not answer")
        refused = {pilot: "limit of the site" for pilot in pilots if strikes(faults.refused_share)}
        taken = [pilot for pilot in pilots if pilot not in refused]
        if strikes(faults.reply_lost):
            site.timeline.after(faults.deed_lag_s, lambda _: site.create(self._factory, spec, taken), None)
            site.timeline.catch_up()
            await site.timeline.clock.sleep(after_s)
            raise SubmitUnknown("the simulated batch system's reply was lost")
        accepted = site.create(self._factory, spec, taken)
        await site.timeline.clock.sleep(after_s)
        if not accepted:
            raise SubmitRejected("the simulated batch system refused every pilot: limit of the site")
        return SubmitResult(accepted, refused)

    async def status(self) -> Mapping[PilotId, BatchStatus]:
        """See `BatchSystem.status`."""
        site, faults, strikes = self.site, self.site.faults, self.site.luck.strikes
        after_s = await self._half_the_delay()
        if strikes(faults.listing_fails):
            raise BatchUnavailable("the simulated batch system's listing failed")
        if not strikes(faults.listing_repeats):
            self._last_listing = self._list()
        listing = self._last_listing
        await site.timeline.clock.sleep(after_s)
        return listing

    async def ended(self, pilots: Collection[PilotId]) -> Mapping[PilotId, Ending]:
        """See `BatchSystem.ended`."""
        after_s = await self._half_the_delay()
        if self.site.luck.strikes(self.site.faults.history_fails):
            raise BatchUnavailable("the simulated batch system's history does not answer")
        endings = {pilot: ending for pilot in pilots if (ending := self._ending(pilot)) is not None}
        await self.site.timeline.clock.sleep(after_s)
        return endings

    async def cancel(self, pilots: Collection[PilotId], *, waiting_only: bool = False) -> None:
        """See `BatchSystem.cancel`."""
        site, faults, strikes = self.site, self.site.faults, self.site.luck.strikes
        after_s = await self._half_the_delay()
        if strikes(faults.cancel_fails):
            raise BatchUnavailable("the simulated batch system does not cancel at present")
        if not strikes(faults.cancel_lost):
            chosen = tuple(pilots)
            site.timeline.after(
                faults.cancel_lag_s,
                lambda _: site.remove(self._factory, chosen, waiting_only=waiting_only),
                None,
            )
            site.timeline.catch_up()
        await site.timeline.clock.sleep(after_s)

    async def release(self, pilots: Collection[PilotId]) -> None:
        """See `BatchSystem.release`."""
        site, strikes = self.site, self.site.luck.strikes
        after_s = await self._half_the_delay()
        if strikes(site.faults.cancel_fails):
            raise BatchUnavailable("the simulated batch system releases nothing at present")
        if not strikes(site.faults.cancel_lost):
            site.release(self._factory, pilots)
        await site.timeline.clock.sleep(after_s)

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _half_the_delay(self) -> float:
        """Let the first half of a call's time pass, bring the site up to date, and return the second half."""
        half_s = self.site.luck.delay_s(self.site.faults.slow_s) / 2
        await self.site.timeline.clock.sleep(half_s)
        self.site.timeline.catch_up()
        return half_s

    def _list(self) -> dict[PilotId, BatchStatus]:
        site, faults = self.site, self.site.faults
        if site.told_skew_s != faults.clock_skew_s:
            site.told_skew_s = faults.clock_skew_s
            for jobs in site.live.values():
                for job in jobs.values():
                    job.status = None
        live = site.live.get(self._factory, {})
        if not faults.forgotten_share and not faults.listing_lag_s:
            return {pilot: job.status or self._describe(job) for pilot, job in live.items()}
        listed_before_s = site.timeline.now_s - faults.listing_lag_s
        return {
            pilot: job.status or self._describe(job)
            for pilot, job in live.items()
            if job.submitted_s <= listed_before_s and not site.luck.strikes(faults.forgotten_share)
        }

    def _describe(self, job: Job) -> BatchStatus:
        job.status = BatchStatus(
            job.state, job.batch_id, job.spec.queue, self._told(job.since_s), job.host, job.reason
        )
        return job.status

    def _ending(self, pilot: PilotId) -> Ending | None:
        site = self.site
        past = site.past.get(pilot)
        if past is None or past.factory != self._factory or pilot in site.unrecorded:
            return None
        if past.ended_s + site.faults.history_lag_s > site.timeline.now_s:
            return None
        started = past.started_s
        return Ending(
            cause=past.cause,
            exit_code=past.exit_code,
            signal=past.signal,
            started_at=self._told(started) if started is not None else None,
            ended_at=self._told(past.ended_s),
            wall_s=past.ended_s - started if started is not None else None,
            host=past.host,
            reason=past.reason,
        )

    def _told(self, seconds: float) -> datetime:
        return moment(seconds + self.site.faults.clock_skew_s)
