"""What is told of queues.  Unknown is not zero: a number that nobody knows has no sample."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from autopyfactory.config import Config
from autopyfactory.model import EndpointHealth, JobCounts, PilotCounts, QueueName
from autopyfactory.web.metrics.endings import ending_of
from autopyfactory.web.metrics.reading import STALE_MARGIN_S, STALE_TIMES, Reading, Totals
from autopyfactory.web.metrics.shown import Shown
from autopyfactory.web.metrics.text import Family, counter, gauge

V = TypeVar("V")

_JOBS = ("notready", "ready", "running")
_PILOTS = ("planned", "pending", "held", "running", "unknown", "retiring")
_BREAKERS = ("closed", "open", "trial")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one queue stands; None where it is unknown."""

    jobs: JobCounts | None
    pilots: PilotCounts | None
    decided: int | None
    cycle_age_s: float | None
    breaker: str
    held_back: bool
    backs_off: bool
    failures: int


def queue_metrics(reading: Reading, totals: Totals, config: Config, shown: Shown) -> Iterator[Family]:
    """Give everything that has a label ``queue``."""
    standing = shown.grouped({name: _standing(name, reading, config) for name in config.queues})
    yield from _numbers(standing)
    yield _left_behind(reading, config)
    yield from _troubles(standing)
    yield from _endings(reading, shown)
    yield from _totals(totals, config, shown)


def _standing(name: QueueName, reading: Reading, config: Config) -> Standing:
    newest = reading.cycles.get(name)
    health = reading.health.get(f"queue.{name}") or EndpointHealth("")
    override = reading.overrides.get(name)
    age_s = (reading.at - newest.sample.at).total_seconds() if newest else None
    limit_s = STALE_TIMES * config.queues[name].settings.interval_s + STALE_MARGIN_S
    now = newest if newest and age_s is not None and age_s <= limit_s else None
    return Standing(
        jobs=now.sample.jobs if now else None,
        # the store knows them all; whether they are as it says, the cycle's own view of the listing tells
        pilots=reading.live.get(name, PilotCounts()) if now and now.sample.pilots else None,
        decided=now.sample.submit if now else None,
        cycle_age_s=age_s,
        breaker=now.breaker if now else "",
        held_back=override is not None and bool(override.holds_back(reading.at)),
        backs_off=health.retry_at is not None and reading.at < health.retry_at,
        failures=health.failures,
    )


def _numbers(standing: Mapping[str, Sequence[Standing]]) -> Iterator[Family]:
    jobs = gauge("apf_queue_jobs", "Jobs in the WMS, where their number is known.", "queue", "state")
    jobs_known = gauge("apf_queue_jobs_known", "Whether the number of ready jobs is known.", "queue")
    pilots = gauge("apf_queue_pilots", "Live pilots, where their states are known.", "queue", "state")
    pilots_known = gauge("apf_queue_pilots_known", "Whether the states of the pilots are known.", "queue")
    decided = gauge("apf_queue_last_decision", "Pilots that the newest cycle decided to submit.", "queue")
    age = gauge(
        "apf_queue_cycle_age_seconds", "Time since the newest cycle; of several queues the longest.", "queue"
    )
    for label, each in standing.items():
        told = [one.jobs or JobCounts() for one in each]
        for state in _JOBS:
            jobs.add(_sum(told, attrgetter(state)), label, state)
        jobs_known.add(all(one.ready is not None for one in told), label)
        here = [one.pilots for one in each]
        for state in _PILOTS:
            pilots.add(_sum(here, attrgetter(state)), label, state)
        pilots_known.add(None not in here, label)
        decided.add(_sum(each, attrgetter("decided")), label)
        ages = [one.cycle_age_s for one in each if one.cycle_age_s is not None]
        age.add(max(ages, default=None), label)
    yield from (jobs, jobs_known, pilots, pilots_known, decided, age)


def _left_behind(reading: Reading, config: Config) -> Family:
    gone = gauge("apf_pilots_of_removed_queues", "Live pilots of queues that are not configured.")
    left = [counts for name, counts in reading.live.items() if name not in config.queues]
    gone.add(sum(counts.total + counts.retiring for counts in left))
    return gone


def _troubles(standing: Mapping[str, Sequence[Standing]]) -> Iterator[Family]:
    breaker = gauge(
        "apf_queue_breaker",
        "Queues whose rule breaker is in that state; no sample without one.",
        "queue",
        "state",
    )
    held = gauge("apf_queue_held_back", "Whether an operator holds it back (drained, in downtime).", "queue")
    backs_off = gauge(
        "apf_queue_backing_off", "Whether its submissions failed and are not tried at present.", "queue"
    )
    failures = gauge(
        "apf_queue_submission_failures", "Submissions refused in a row; of several queues the most.", "queue"
    )
    for label, each in standing.items():
        states = [one.breaker for one in each if one.breaker]
        for state in _BREAKERS if states else ():
            breaker.add(states.count(state), label, state)
        held.add(sum(one.held_back for one in each), label)
        backs_off.add(sum(one.backs_off for one in each), label)
        failures.add(max(one.failures for one in each), label)
    yield from (breaker, held, backs_off, failures)


def _endings(reading: Reading, shown: Shown) -> Iterator[Family]:
    recent = gauge(
        "apf_queue_ended_last_hour", "Pilots that ended within the last hour, by how.", "queue", "ending"
    )
    about = "Share of pilots that never got a payload in those that ended within the last hour."
    empty = gauge("apf_queue_empty_share", about, "queue")
    sums = shown.added_up((each.queue, ending_of(each), each.pilots) for each in reading.ended)
    ended = shown.added_up(
        (each.queue, "empty" if each.empty else "busy", each.pilots)
        for each in reading.ended
        if each.empty is not None
    )
    for (label, ending), n in sums.items():
        recent.add(n, label, ending)
    for label in dict.fromkeys(label for label, _ in ended):
        n = ended.get((label, "empty"), 0)
        empty.add(n / (n + ended.get((label, "busy"), 0)), label)
    yield from (recent, empty)


def _totals(totals: Totals, config: Config, shown: Shown) -> Iterator[Family]:
    counted: tuple[tuple[str, str, Mapping[QueueName, int]], ...] = (
        ("apf_queue_cycles_total", "Cycles.", totals.cycles),
        ("apf_queue_decided_total", "Pilots that cycles decided to submit.", totals.decided),
        ("apf_queue_planned_total", "Pilots planned and handed on to the batch system.", totals.planned),
    )
    for name, about, by_queue in counted:
        family = counter(name, about, "queue")
        # from zero on: a counter that first appears with its first count hides it
        every = {**dict.fromkeys(config.queues, 0), **by_queue}
        for (label, _), n in shown.added_up((queue, "", n) for queue, n in every.items()).items():
            family.add(n, label)
        yield family
    ended = counter("apf_queue_ended_total", "Pilots that ended, by how.", "queue", "ending")
    for (label, ending), n in shown.added_up((q, e, n) for (q, e), n in totals.ended.items()).items():
        ended.add(n, label, ending)
    yield ended


def _sum(values: Sequence[V | None], number: Callable[[V], int | None]) -> int | None:
    """Return the sum of a number over all; None where one of them is unknown."""
    numbers = [None if value is None else number(value) for value in values]
    known = [n for n in numbers if n is not None]
    return sum(known) if len(known) == len(numbers) else None
