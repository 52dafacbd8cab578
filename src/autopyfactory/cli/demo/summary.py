"""What came of a demo: numbers, a table, a picture."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from autopyfactory.api import Sample
from autopyfactory.board import JobStatus
from autopyfactory.charts import png_of, supply_chart
from autopyfactory.cli.common.output import Column, number, out, say, table
from autopyfactory.cli.demo.estimate import Count, Estimate, merge, parse_count
from autopyfactory.cli.demo.setting import QUEUE, Setting
from autopyfactory.cli.demo.world import Outcome, Plan
from autopyfactory.model import JobCounts, Pilot, PilotState, QueueName


@dataclass(frozen=True, slots=True)
class Jobs:
    """What became of the jobs."""

    submitted: int
    finished: int
    failed: int


@dataclass(frozen=True, slots=True)
class Pilots:
    """What became of the pilots."""

    submitted: int
    empty: int
    """Ended without ever getting a payload."""
    failed: int
    lost: int
    peak_running: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a demo."""

    jobs: Jobs
    pilots: Pilots
    estimate: Estimate | None
    seconds: float
    chart: Path
    config: Path

    @property
    def is_good(self) -> bool:
        """Whether all jobs finished and their merged result is right."""
        return (
            self.jobs.finished == self.jobs.submitted and self.estimate is not None and self.estimate.is_right
        )

    def document(self) -> dict[str, object]:
        """Return it as ``--json`` prints it."""
        estimate = self.estimate and {**asdict(self.estimate), "right": self.estimate.is_right}
        return {
            "jobs": self.jobs,
            "pilots": self.pilots,
            "seconds": self.seconds,
            "chart": self.chart,
            "estimate": estimate,
            "config": self.config,
        }


def summarise(plan: Plan, setting: Setting, outcome: Outcome) -> Summary:
    """Count, merge and check."""
    finished = [job for job in outcome.jobs if job.status is JobStatus.FINISHED]
    counts: list[Count] = []
    for job in finished:
        with suppress(ValueError):  # then its count is missing, and the estimate is not right
            counts.append(parse_count(job.result or ""))
    return Summary(
        jobs=Jobs(plan.jobs, len(finished), plan.jobs - len(finished)),
        pilots=_pilots(outcome.pilots),
        estimate=merge(counts) if len(counts) == len(finished) else None,
        seconds=round((outcome.ended_at - outcome.started_at).total_seconds(), 1),
        chart=setting.chart,
        config=setting.config,
    )


def _pilots(pilots: Iterable[Pilot]) -> Pilots:
    members = list(pilots)
    return Pilots(
        submitted=len(members),
        empty=sum(pilot.empty is True for pilot in members),
        failed=sum(pilot.state is PilotState.FAILED for pilot in members),
        lost=sum(pilot.state is PilotState.LOST for pilot in members),
        peak_running=peak_running(members),
    )


def peak_running(pilots: Iterable[Pilot]) -> int:
    """Return how many ran at once at most, by the times that the batch system gave."""
    times = [(p.started_at, p.ended_at) for p in pilots if p.started_at and p.ended_at]
    starts = [(start, 1) for start, _ in times]
    ends = [(end, -1) for _, end in times]
    running = peak = 0
    for _, change in sorted(starts + ends):  # at the same moment one ends (-1) before another starts
        running += change
        peak = max(peak, running)
    return peak


def picture(plan: Plan, setting: Setting, outcome: Outcome, summary: Summary) -> None:
    """Draw jobs and pilots over time."""
    pilots = summary.pilots
    words = [f"{pilots.submitted} pilots, {pilots.empty} of them empty"]
    if summary.estimate:
        words.append(_pi(summary.estimate))
    chart = supply_chart(
        [*outcome.samples, _end(outcome)],
        outcome.started_at,
        title=f"{plan.jobs} jobs through {plan.slots} slots in {summary.seconds:.0f} s",
        subtitle=[" · ".join(words)],
        slots=plan.slots,
    )
    setting.chart.write_bytes(png_of(chart))


def _end(outcome: Outcome) -> Sample:
    """Return how it stood when all was over: the last cycle came a little before."""
    last = outcome.last
    jobs = JobCounts(0, last.ready, last.running, last.finished, last.failed)
    return Sample(outcome.ended_at, QueueName(QUEUE), jobs, last.pilots, submit=0, planned=0)


def show(summary: Summary) -> None:
    """Print the summary for people."""
    jobs, pilots, estimate = summary.jobs, summary.pilots, summary.estimate
    out().print(
        table(
            [Column(""), number("number")],
            [
                ("jobs submitted", jobs.submitted),
                ("jobs finished", jobs.finished),
                ("jobs failed", jobs.failed),
                ("pilots submitted", pilots.submitted),
                ("pilots without a payload", pilots.empty),
                ("pilots failed", pilots.failed),
                ("pilots lost", pilots.lost),
                ("pilots running at once, at most", pilots.peak_running),
                ("seconds", f"{summary.seconds:.1f}"),
            ],
            title="apf demo",
        )
    )
    if estimate is None:
        say("the results are missing or unreadable", style="red")
    else:
        verdict = "right" if estimate.is_right else "WRONG"
        redone = (
            "one count done again, the same" if estimate.recomputed else "one count done again, DIFFERENT"
        )
        say(f"{_pi(estimate)}: {verdict} ({estimate.sigmas_off:.1f} standard deviations off; {redone})")
    say(f"picture: {summary.chart}")
    say(f"look around: apf status -c {summary.config}, and in a browser: apf web serve -c {summary.config}")


def _pi(estimate: Estimate) -> str:
    return f"π ≈ {estimate.pi:.6f} ± {estimate.sigma:.6f} from {estimate.points / 1e6:,.0f} million points"
