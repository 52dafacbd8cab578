"""What a report tells: read from the store, and put into words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from autopyfactory.api import WAIT_EDGES_S, WALL_EDGES_S, PilotTimes, Series, SeriesPoint, SeriesStore, Store
from autopyfactory.cli.common.ages import duration
from autopyfactory.cli.common.configuration import no_such_queue
from autopyfactory.cli.common.failure import Failure
from autopyfactory.config import Config
from autopyfactory.model import Fate, QueueName

UNKNOWN = "–"


class ReportStore(Store, SeriesStore, Protocol):
    """What a report is read from."""


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of a queue, or (None) of the whole factory, over a time."""

    factory: str
    queue: QueueName | None
    window: timedelta
    series: Series
    times: PilotTimes

    @property
    def title(self) -> str:
        """Whose numbers they are."""
        return f"{self.queue}" if self.queue else f"Factory {self.factory}"

    @property
    def subtitle(self) -> str:
        """Of when they are."""
        until = self.series.until
        text = f"{duration(self.window.total_seconds())} until {until:%Y-%m-%d %H:%M} UTC"
        return f"Factory {self.factory}, {text}" if self.queue else text

    @property
    def footer(self) -> str:
        """What a reader has to know of the numbers."""
        step = duration(self.series.step.total_seconds())
        text = f"Each step is {step}: means of what waited and ran, sums of what was submitted and ended."
        return text + ("" if self.queue else " Queues whose numbers were unknown are left out of the means.")


async def read(
    store: ReportStore, config: Config, queue: QueueName | None, window: timedelta, now: datetime
) -> Report:
    """Read a report; raises `UsageProblem` for an unknown queue, `Failure` where there is nothing to tell."""
    if queue is not None and queue not in config.queues and await store.cycle(queue) is None:
        raise no_such_queue(queue, config.queues)
    series = await store.series(now - window, now, queue)
    if not series.points:
        raise Failure(_nothing(queue, window))
    while now - series.points[0].at < (now - series.since) / 2:  # a young factory fills the picture as well
        series = await store.series(series.points[0].at, now, queue)
    return Report(config.factory.id, queue, window, series, await store.pilot_times(now - window, now, queue))


def _nothing(queue: QueueName | None, window: timedelta) -> str:
    whose, time = f"queue {queue}" if queue else "any queue", duration(window.total_seconds())
    return (
        f"within the last {time} there was no cycle of {whose}, and no pilot ended: "
        'ask for a longer time with --since, or see with "apf status" whether the factory runs'
    )


def figures(times: PilotTimes) -> list[tuple[str, str]]:
    """Return label and value of what sums a report up."""
    counted = [(str(fate), f"{times.endings.get(fate, 0):,}") for fate in Fate]
    return [
        ("pilots ended", f"{times.ended:,}"),
        *counted,
        ("empty share", _share(times.empty_share)),
        ("failure share", _share(times.failure_share)),
        ("mean wait", _time(times.mean_wait_s)),
        ("mean time on node", _time(times.mean_wall_s)),
        ("hours on nodes", _hours(times.node_s)),
        ("hours of work", _hours(times.work_s)),
    ]


def document(report: Report) -> dict[str, object]:
    """Return a report as ``--json`` prints it."""
    series, times = report.series, report.times
    return {
        "factory": report.factory,
        "queue": report.queue,
        "since": series.since,
        "until": series.until,
        "step_s": series.step.total_seconds(),
        "pilots": {
            "ended": times.ended,
            "endings": {fate: times.endings.get(fate, 0) for fate in Fate},
            "empty_share": times.empty_share,
            "failure_share": times.failure_share,
            "mean_wait_s": times.mean_wait_s,
            "mean_wall_s": times.mean_wall_s,
            "node_hours": times.node_s / 3600,
            "work_hours": times.work_s / 3600,
            "waits": {"edges_s": WAIT_EDGES_S, "pilots": times.waits},
            "walls": {"edges_s": WALL_EDGES_S, "pilots": times.walls},
        },
        "series": [_point(point) for point in series.points],
    }


def _point(point: SeriesPoint) -> dict[str, object]:
    return {
        "at": point.at,
        "observed": point.observed,
        "ready": point.ready,
        "pending": point.pending,
        "running": point.running,
        "submitted": point.submitted,
        "ended": point.ended,
        "endings": point.endings,
        "unknown_queues": point.unknown,
    }


def _share(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.1f}" if hours < 100 else f"{hours:,.0f}"
