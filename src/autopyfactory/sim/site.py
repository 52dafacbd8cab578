"""A site in memory: slots, a queue in front of them, and pilots that take their payloads from a WMS."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from autopyfactory.model import (
    BatchId,
    EndCause,
    FactoryId,
    PilotId,
    PilotSpec,
    PilotState,
    QueueName,
    WmsQueue,
)
from autopyfactory.sim.draw import Draw, constant
from autopyfactory.sim.faults import BatchFaults, Luck
from autopyfactory.sim.job import Job, Past, Run
from autopyfactory.sim.timeline import Timeline

EMPTY = 80
"""Exit code of a pilot that never got a payload."""


class Payloads(Protocol):
    """Where pilots take their work from."""

    def acquire(self, queue: WmsQueue) -> float | None:
        """Hand out a job: how many seconds it will run; None where there is none."""
        ...

    def finish(self, queue: WmsQueue) -> None:
        """Take back a job that ran to its end."""
        ...

    def lose(self, queue: WmsQueue) -> None:
        """Take notice that a job's pilot died."""
        ...


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What a site is like."""

    name: str = "sim"
    slots: int = 100
    """Pilots that run at once; each takes one, whatever its cores."""
    slots_per_node: int = 8
    max_cores: int = 64
    """A submission that asks for more is refused."""
    queue_latency_s: Draw = constant(30)
    """How long a pilot waits even where a slot is free."""
    held_share: float = 0
    """Pilots that are held instead of becoming eligible."""
    startup_s: Draw = constant(20)
    """From a pilot's start to its first question for a payload; an empty one ends then."""
    lifetime_s: float = 86_400
    """A pilot asks for no further payload after that."""
    failed_share: float = 0
    """Pilots that fail instead of asking, with exit code 1."""
    black_holes: int = 0
    """Nodes, the first ones, on which every pilot fails."""
    black_hole_s: Draw = constant(3)
    """How soon it fails there."""
    serves: Mapping[QueueName, WmsQueue] = field(default_factory=dict)
    """The WMS queue of each factory queue; left out: the one of the same name."""
    script: Callable[[PilotSpec], Run | None] = lambda _: None
    """What the pilots of a specification do, where they are not to ask for payloads."""


class SimSite:
    """The batch system itself; `SimBatch` is a factory's way to it, and may come and go.

    The attributes are the truth, to be read after `Timeline.catch_up`.
    """

    def __init__(
        self,
        timeline: Timeline,
        random: Random,
        settings: SiteSettings | None = None,
        *,
        payloads: Payloads | None = None,
        faults: BatchFaults | None = None,
    ) -> None:
        """Make an empty site; without ``payloads`` every pilot that asks for one ends empty."""
        self.settings = settings or SiteSettings()
        self.timeline = timeline
        self.faults = faults or BatchFaults()
        self.luck = Luck(random)
        self.told_skew_s = self.faults.clock_skew_s
        """The skew that is in the listed states of live pilots."""
        self.live: dict[FactoryId, dict[PilotId, Job]] = {}
        self.past: dict[PilotId, Past] = {}
        """Every pilot that ended; of one that was submitted twice, the last end."""
        self.unrecorded: set[PilotId] = set()
        """Ended, but missing from the history that factories see."""
        self.submitted: Counter[QueueName] = Counter()
        self.doubled: list[PilotId] = []
        """Pilots that were submitted once more although they existed: there must be none."""
        self.running: Counter[QueueName] = Counter()
        self.peak_running = 0
        self.on_arrival: Callable[[Sequence[PilotId]], None] = _nothing
        """Told when a submission reaches the site, whatever becomes of it."""
        self.endings: Counter[tuple[EndCause, int | None]] = Counter()
        """How many ended by which cause and exit code."""
        self._random = random
        self._payloads = payloads
        self._free = list(range(self.settings.slots))
        self._waiting: deque[Job] = deque()
        self._submissions = 0
        self._twins: dict[PilotId, list[Job]] = {}

    @property
    def running_total(self) -> int:
        """Pilots that run now."""
        return self.settings.slots - len(self._free)

    @property
    def live_total(self) -> int:
        """Pilots that wait, are held or run now."""
        return sum(map(len, self.live.values())) + sum(map(len, self._twins.values()))

    def knows(self, pilot: PilotId) -> bool:
        """Whether the pilot was ever submitted here."""
        return pilot in self.past or any(pilot in jobs for jobs in self.live.values())

    def create(
        self, factory: FactoryId, spec: PilotSpec, pilots: Iterable[PilotId]
    ) -> dict[PilotId, BatchId]:
        """Take in pilots, and return what they are called here."""
        line = self.timeline
        jobs = self.live.setdefault(factory, {})
        made = {}
        self._submissions += 1
        for proc, pilot in enumerate(pilots):
            batch_id = BatchId(f"{self._submissions}.{proc}")
            job = Job(pilot, factory, spec, batch_id, line.now_s)
            if self.knows(pilot):
                self.doubled.append(pilot)
                self._twins.setdefault(pilot, []).append(job)
            else:
                jobs[pilot] = job
            self.submitted[spec.queue] += 1
            made[pilot] = batch_id
            line.after(self.settings.queue_latency_s(self._random), self._eligible, (job, 0))
        return made

    def remove(self, factory: FactoryId, pilots: Iterable[PilotId], *, waiting_only: bool = False) -> None:
        """Cancel pilots of a factory; others are passed over."""
        jobs = self.live.get(factory, {})
        for pilot in pilots:
            for job in [*self._twins.get(pilot, ()), jobs.get(pilot)]:
                spared = waiting_only and job is not None and job.state is PilotState.RUNNING
                if job is not None and job.factory == factory and not spared:
                    self._end(job, EndCause.CANCELLED, reason="cancelled by the factory")

    def release(self, factory: FactoryId, pilots: Iterable[PilotId]) -> None:
        """Have held pilots of a factory wait for a slot again; they may be held once more."""
        jobs = self.live.get(factory, {})
        for pilot in pilots:
            job = jobs.get(pilot)
            if job is not None and job.state is PilotState.HELD:
                job.reason = ""
                self._enter(job, PilotState.PENDING)
                delay_s = self.settings.queue_latency_s(self._random)
                self.timeline.after(delay_s, self._eligible, (job, job.step))

    def forget_ended(self, before_s: float) -> None:
        """Drop what is kept of pilots that ended before a time, as a batch system's history does too."""
        old = []
        for pilot, past in self.past.items():  # in the order of their ends
            if past.ended_s >= before_s:
                break
            old.append(pilot)
        for pilot in old:
            del self.past[pilot]
        self.unrecorded.difference_update(old)

    # The life of a pilot, step by step

    def _eligible(self, event: tuple[Job, int]) -> None:
        job, step = event
        if job.step != step:
            return
        if self.settings.held_share and self._random.random() < self.settings.held_share:
            job.reason = "a transfer of its files failed"
            self._enter(job, PilotState.HELD)
        else:
            self._waiting.append(job)
            self._fill()

    def _fill(self) -> None:
        while self._free and self._waiting:
            job = self._waiting.popleft()
            if job.state is PilotState.PENDING:
                self._start(job)

    def _start(self, job: Job) -> None:
        which = self._random.randrange(len(self._free))
        self._free[which], self._free[-1] = self._free[-1], self._free[which]
        job.slot = self._free.pop()
        node = job.slot // self.settings.slots_per_node
        job.host = f"node{node:03d}.{self.settings.name}"
        job.started_s = self.timeline.now_s
        self._enter(job, PilotState.RUNNING)
        self.running[job.spec.queue] += 1
        self.peak_running = max(self.peak_running, self.running_total)
        run = self.settings.script(job.spec)
        if run is not None:
            job.run = run
            self._go_on(job, run.wall_s, self._finish)
        elif node < self.settings.black_holes:
            self._go_on(job, self.settings.black_hole_s(self._random), self._fail)
        elif self.settings.failed_share and self._random.random() < self.settings.failed_share:
            self._go_on(job, self.settings.startup_s(self._random), self._fail)
        else:
            self._go_on(job, self.settings.startup_s(self._random), self._ask)

    def _go_on(self, job: Job, for_s: float, then: Callable[[Job], None]) -> None:
        """Have the pilot do its next step after that time, unless its walltime is over before."""
        when_s = self.timeline.now_s + for_s
        if job.spec.walltime_s is not None and job.started_s is not None:
            limit_s = job.started_s + job.spec.walltime_s
            if limit_s < when_s:
                when_s, then = limit_s, self._out_of_time
        self.timeline.at(when_s, then, job)

    def _ask(self, job: Job) -> None:
        """Ask for a payload; it comes here again each time that one is finished."""
        if job.state is not PilotState.RUNNING or job.started_s is None:
            return
        if job.payload is not None and self._payloads is not None:
            self._payloads.finish(job.payload)
            job.payload = None
        queue = self.settings.serves.get(job.spec.queue, WmsQueue(job.spec.queue))
        young = self.timeline.now_s - job.started_s < self.settings.lifetime_s
        payload_s = self._payloads.acquire(queue) if self._payloads is not None and young else None
        if payload_s is None:
            self._end(job, EndCause.EXIT, exit_code=0 if job.ran_payload else EMPTY)
        else:
            job.payload, job.ran_payload = queue, True
            self._go_on(job, payload_s, self._ask)

    def _fail(self, job: Job) -> None:
        self._end(job, EndCause.EXIT, exit_code=1)

    def _finish(self, job: Job) -> None:
        if job.run is None:
            return
        if job.run.signal is None:
            self._end(job, EndCause.EXIT, exit_code=job.run.exit_code)
        else:
            self._end(job, EndCause.SIGNAL, signal=job.run.signal)

    def _out_of_time(self, job: Job) -> None:
        self._end(job, EndCause.REMOVED, reason=f"ran longer than {job.spec.walltime_s} s")

    def _enter(self, job: Job, state: PilotState) -> None:
        job.state = state
        job.since_s = self.timeline.now_s
        job.status = None
        job.step += 1

    def _end(
        self,
        job: Job,
        cause: EndCause,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        reason: str = "",
    ) -> None:
        if job.state.is_final:
            return
        if job.payload is not None and self._payloads is not None:
            self._payloads.lose(job.payload)
        self._enter(job, PilotState.DONE)
        self._forget(job)
        now_s = self.timeline.now_s
        self.past[job.pilot] = Past(
            job.factory, cause, exit_code, signal, job.started_s, now_s, job.host, reason
        )
        self.endings[cause, exit_code] += 1
        if self.luck.strikes(self.faults.history_missing_share):
            self.unrecorded.add(job.pilot)
        if job.slot is not None:
            self.running[job.spec.queue] -= 1
            self._free.append(job.slot)
            self._fill()

    def _forget(self, job: Job) -> None:
        jobs = self.live[job.factory]
        if jobs.get(job.pilot) is job:
            del jobs[job.pilot]
        else:
            twins = self._twins[job.pilot]
            twins.remove(job)
            if not twins:
                del self._twins[job.pilot]


def _nothing(_: Sequence[PilotId]) -> None:
    """Tell nobody."""
