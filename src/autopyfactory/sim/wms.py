"""A WMS in memory: numbers of jobs, and pilots that take them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TypeVar

from autopyfactory.api import WmsUnavailable
from autopyfactory.model import JobCounts, SiteStatus, WmsQueue
from autopyfactory.sim.draw import Draw, constant
from autopyfactory.sim.faults import Luck, WmsFaults
from autopyfactory.sim.timeline import Timeline

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Work:
    """The jobs of one queue, by number, and what they are like."""

    payload_s: Draw = constant(3600)
    """How long a job runs."""
    failed_share: float = 0
    """Jobs that end as failed."""
    notready: int = 0
    ready: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0

    @property
    def counts(self) -> JobCounts:
        """What the WMS tells of it."""
        return JobCounts(self.notready, self.ready, self.running, self.done, self.failed)


class SimWms:
    """A `WmsStatus` without a network; sites on the same timeline take its jobs.

    ``queues`` and ``sites`` are the truth, to be read (after `Timeline.catch_up`) and set at will.
    """

    def __init__(
        self,
        timeline: Timeline,
        random: Random,
        *,
        faults: WmsFaults | None = None,
        timeout_s: float = 60,
        lease_s: float = 0,
    ) -> None:
        """Make a WMS without jobs; ``lease_s``: how soon a job whose pilot died is ready again."""
        self.queues: dict[WmsQueue, Work] = {}
        self.sites: dict[WmsQueue, SiteStatus] = {}
        self.faults = faults or WmsFaults()
        self._timeline = timeline
        self._random = random
        self._luck = Luck(random)
        self._timeout_s = timeout_s
        self._lease_s = lease_s
        self._last_counts: Mapping[WmsQueue, JobCounts] = {}
        self._last_sites: Mapping[WmsQueue, SiteStatus] = {}

    def add(self, queue: WmsQueue, jobs: int, at: datetime | None = None) -> None:
        """Have jobs become ready now, or at a time to come."""
        self._timeline.catch_up()
        work = self.queues.setdefault(queue, Work())
        if at is None:
            work.ready += jobs
        else:
            delay_s = (at - self._timeline.clock.now()).total_seconds()
            self._timeline.after(delay_s, _arrive, (work, jobs))

    # Of the sites' pilots

    def acquire(self, queue: WmsQueue) -> float | None:
        """Hand out a job: how long it will run, or None where no job is ready."""
        work = self.queues.get(queue)
        if work is None or not work.ready:
            return None
        work.ready -= 1
        work.running += 1
        return work.payload_s(self._random)

    def finish(self, queue: WmsQueue) -> None:
        """Take back a job that ran to its end."""
        work = self.queues[queue]
        work.running -= 1
        if work.failed_share and self._random.random() < work.failed_share:
            work.failed += 1
        else:
            work.done += 1

    def lose(self, queue: WmsQueue) -> None:
        """Have a job whose pilot died become ready again, once its lease has run out."""
        self._timeline.after(self._lease_s, _return, self.queues[queue])

    # Of the factory

    async def counts(self) -> Mapping[WmsQueue, JobCounts]:
        """Return the jobs of every queue that ever had any.  Raises `WmsUnavailable`."""
        self._last_counts = await self._ask(
            lambda: {queue: work.counts for queue, work in self.queues.items()}, self._last_counts
        )
        return self._last_counts

    async def site_status(self) -> Mapping[WmsQueue, SiteStatus]:
        """Return the status of the sites that were given one.  Raises `WmsUnavailable`."""
        self._last_sites = await self._ask(lambda: dict(self.sites), self._last_sites)
        return self._last_sites

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _ask(self, look: Callable[[], Answer], last: Answer) -> Answer:
        slow_s = self._luck.delay_s(self.faults.slow_s)
        if slow_s > self._timeout_s:
            await self._timeline.clock.sleep(self._timeout_s)
            raise WmsUnavailable(f"the simulated WMS did not answer in {self._timeout_s:g} s")
        await self._timeline.clock.sleep(slow_s)
        if self._luck.strikes(self.faults.fails):
            raise WmsUnavailable("the simulated WMS does not answer")
        if last and self._luck.strikes(self.faults.repeats):
            return last
        self._timeline.catch_up()
        return look()


def _arrive(arrival: tuple[Work, int]) -> None:
    work, jobs = arrival
    work.ready += jobs


def _return(work: Work) -> None:
    work.running -= 1
    work.ready += 1
