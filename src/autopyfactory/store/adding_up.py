"""How time is divided into steps, and how the numbers of queues are added up.  Reads no database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean

from autopyfactory.api import MAX_POINTS
from autopyfactory.model import QueueName
from autopyfactory.store.rollup_tables import HOURS_S, MINUTES_S

US = 1_000_000
CARRY_S = 900
"""So long counts what a queue told, in the numbers of all, until it tells something else."""

_FINE_S = (1, 2, 5, 10, 30, 60, 120, 300)
_COARSE_S = tuple(HOURS_S * hours for hours in (1, 3, 6, 12, 24, 168))
_HOUR_S, _DAY_S = 3600, 86400


@dataclass(frozen=True, slots=True)
class Span:
    """A window in steps, and where its numbers are read."""

    from_us: int
    """A multiple of the step."""
    until_us: int
    step_s: int
    source_s: int | None
    """The step of the sums that serve; None: the cycles themselves."""

    @property
    def step_us(self) -> int:
        """The step in microseconds."""
        return self.step_s * US


@dataclass(frozen=True, slots=True)
class Numbers:
    """Means and sums of one step; None: unknown throughout."""

    at_us: int
    ready: float | None = None
    pending: float | None = None
    running: float | None = None
    submitted: int = 0
    unknown: int = 0
    """Queues that are left out, since their numbers are unknown."""
    queues: int = 1


def span(since_us: int, until_us: int, *, of_all: bool) -> Span:
    """Divide a window into steps, so that reading it costs little however long it is."""
    window_s = max(1, (until_us - since_us) // US)
    if window_s > _DAY_S:
        step_s, source_s = _step(window_s, _COARSE_S), HOURS_S
    elif of_all and window_s > 2 * _HOUR_S:
        step_s, source_s = MINUTES_S, MINUTES_S
    else:
        # each step of all costs as much as there are queues
        return _aligned(since_us, until_us, _step(window_s * (4 if of_all else 1), _FINE_S), None)
    return _aligned(since_us, until_us, step_s, source_s)


def _step(window_s: int, steps_s: Sequence[int]) -> int:
    # one less, since the first step begins before the window
    return next((step for step in steps_s if window_s <= step * (MAX_POINTS - 1)), steps_s[-1])


def _aligned(since_us: int, until_us: int, step_s: int, source_s: int | None) -> Span:
    return Span(since_us - since_us % (step_s * US), until_us, step_s, source_s)


def totals(told: Iterable[tuple[QueueName, Numbers]]) -> list[Numbers]:
    """Add up the numbers of queues, given by time; a queue that is silent for long does not count.

    At a time at which no queue told anything there is nothing.
    """
    last: dict[QueueName, Numbers] = {}
    added = []
    for at_us, group in groupby(told, key=lambda one: one[1].at_us):
        now = dict(group)
        last = {queue: one for queue, one in last.items() if at_us - one.at_us <= CARRY_S * US} | now
        added.append(
            Numbers(
                at_us,
                _sum(one.ready for one in last.values()),
                _sum(one.pending for one in last.values()),
                _sum(one.running for one in last.values()),
                sum(one.submitted for one in now.values()),
                unknown=sum(one.ready is None or one.running is None for one in last.values()),
                queues=len(last),
            )
        )
    return added


def without_unfinished(steps: Sequence[Numbers]) -> list[Numbers]:
    """Return steps without the means of the last, where queues have yet to tell theirs."""
    if len(steps) < 2 or steps[-1].queues >= steps[-2].queues:
        return list(steps)
    return [*steps[:-1], replace(steps[-1], ready=None, pending=None, running=None, unknown=0)]


def widened(steps: Iterable[Numbers], step_us: int) -> list[Numbers]:
    """Return steps, given by time, as wider ones: means of means, sums of sums."""
    return [
        _together(at_us * step_us, list(group))
        for at_us, group in groupby(steps, key=lambda one: one.at_us // step_us)
    ]


def _together(at_us: int, steps: Sequence[Numbers]) -> Numbers:
    return Numbers(
        at_us,
        _mean(one.ready for one in steps),
        _mean(one.pending for one in steps),
        _mean(one.running for one in steps),
        sum(one.submitted for one in steps),
        unknown=max(one.unknown for one in steps),
        queues=max(one.queues for one in steps),
    )


def _known(numbers: Iterable[float | None]) -> list[float]:
    return [number for number in numbers if number is not None]


def _sum(numbers: Iterable[float | None]) -> float | None:
    return sum(known) if (known := _known(numbers)) else None


def _mean(numbers: Iterable[float | None]) -> float | None:
    return fmean(known) if (known := _known(numbers)) else None
