"""What is wrong at present, derived from what is known.  Pure functions: time and limits are arguments."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from autopyfactory.api import NewestCycle, NoticeThresholds, Sample
from autopyfactory.model import (
    CycleRecord,
    EndpointHealth,
    HostTally,
    Notice,
    NoticeKind,
    QueueName,
    Severity,
    SiteStatus,
)

HOLE_WINDOW = timedelta(hours=6)
"""How far back it is looked for black holes."""
_QUEUE, _SUBMIT = "queue.", ".submit"
_RETRIED = timedelta(minutes=30)
"""How long after a back-off submissions count as still failing: by then a cycle has tried again."""
_CLOSED = ("", "closed")
_PHASES = {"trial": "open, and canaries try the site"}


class Dry(NamedTuple):
    """Work waits for a queue, and no pilot runs."""

    since: datetime
    seen_at: datetime
    """When it was last seen to be so."""


def failing(health: Iterable[EndpointHealth], now: datetime, limits: NoticeThresholds) -> list[Notice]:
    """Return ENDPOINT_DOWN for endpoints, and BREAKER_OPEN for queues whose submissions fail.

    Hand in only what is still configured: the store remembers the health of what is gone, too.
    """
    found = []
    for item in health:
        submits = item.name.startswith(_QUEUE) or item.name.endswith(_SUBMIT)
        if item.failures < limits.failures or (submits and not _is_retried(item, now)):
            continue
        found.append(_backs_off(item, now) if item.name.startswith(_QUEUE) else _down(item, now))
    return found


def tripped(cycles: Iterable[NewestCycle]) -> list[Notice]:
    """Return BREAKER_OPEN where the rule ``breaker`` held pilots back in the newest cycle of a queue."""
    return [_trips(cycle) for cycle in cycles if cycle.breaker not in _CLOSED]


def dry(samples: Iterable[Sample], before: Mapping[QueueName, Dry]) -> dict[QueueName, Dry]:
    """Return the queues for which work waits and no pilot runs.

    ``samples``: oldest first, of any queues; those that came in since ``before``, and maybe a few that it
    knows already.  A sample with an unknown number neither begins nor ends anything.
    """
    found = dict(before)
    for sample in samples:
        if sample.jobs.ready is None or sample.pilots is None:
            continue
        if sample.jobs.ready > 0 and sample.pilots.running == 0:
            began = found.get(sample.queue)
            found[sample.queue] = Dry(began.since if began else sample.at, sample.at)
        else:
            found.pop(sample.queue, None)
    return found


def long_dry(found: Mapping[QueueName, Dry], now: datetime, limits: NoticeThresholds) -> set[QueueName]:
    """Return the queues that have been dry for ``starving_s``, as far as that is known."""
    waited = timedelta(seconds=limits.starving_s)
    return {
        queue
        for queue, since in found.items()
        if now - since.since >= waited and now - since.seen_at <= 2 * waited
    }


def starving(found: Mapping[QueueName, Dry], latest: Iterable[CycleRecord]) -> list[Notice]:
    """Return QUEUE_STARVING for these queues, unless their site is offline.

    ``latest``: their newest cycles; a queue without one is passed over.
    """
    return [
        _starves(cycle, found[cycle.queue].since)
        for cycle in latest
        if cycle.queue in found and cycle.state.site_status is not SiteStatus.OFFLINE
    ]


def black_holes(tallies: Iterable[HostTally], limits: NoticeThresholds) -> list[Notice]:
    """Return BLACK_HOLE for every host on which most of the pilots that are counted failed fast."""
    return [
        _hole(tally, limits.hole_wall_s)
        for tally in tallies
        if tally.ran >= limits.hole_pilots and tally.fast >= limits.hole_share * tally.ran
    ]


def expiring(ends: Mapping[str, datetime], now: datetime, limits: NoticeThresholds) -> list[Notice]:
    """Return CREDENTIAL_EXPIRES for every credential near or past its end.

    ``ends``: name of a credential → the end of what is at hand now.
    """
    left = timedelta(seconds=limits.credential_left_s)
    return [_expires(name, end, end - left, now) for name, end in ends.items() if now >= end - left]


def store_trouble(trouble: str, since: datetime) -> list[Notice]:
    """Return STORE_TROUBLE where there is any; ``trouble`` is empty where there is none."""
    if not trouble:
        return []
    text = f"the store cannot be used, nothing is submitted: {trouble}"
    return [_notice(NoticeKind.STORE_TROUBLE, "store", text, since, Severity.CRITICAL)]


def _notice(kind: NoticeKind, scope: str, text: str, since: datetime, severity: Severity) -> Notice:
    return Notice(f"{kind}:{scope}", kind, scope, text, since, severity)


def _down(health: EndpointHealth, now: datetime) -> Notice:
    since = health.ok_at or health.error_at or now
    last = f"last at {health.ok_at:%Y-%m-%d %H:%M} UTC" if health.ok_at else "it never gave one"
    text = (
        f"{health.name} gives no usable answer ({last}; {health.failures} failures in a row): {health.error}"
    )
    return _notice(NoticeKind.ENDPOINT_DOWN, health.name, text, since, Severity.CRITICAL)


def _is_retried(health: EndpointHealth, now: datetime) -> bool:
    """Whether submissions are held back, or were so lately that no cycle may have tried again yet."""
    return health.retry_at is not None and now < health.retry_at + _RETRIED


def _backs_off(health: EndpointHealth, now: datetime) -> Notice:
    text = f"{health.name}: {health.failures} submissions failed in a row, backing off: {health.error}"
    # the last success may be days ago, when work last waited: it does not tell when the failing began
    since = health.error_at or now
    return _notice(NoticeKind.BREAKER_OPEN, health.name, text, since, Severity.WARNING)


def _trips(cycle: NewestCycle) -> Notice:
    queue = cycle.sample.queue
    text = (
        f"{_QUEUE}{queue}: the breaker is {_PHASES.get(cycle.breaker, cycle.breaker)}, since too many "
        f"pilots failed or ended at once; `apf explain {queue}` tells more"
    )
    return _notice(NoticeKind.BREAKER_OPEN, f"{_QUEUE}{queue}", text, cycle.sample.at, Severity.WARNING)


def _starves(cycle: CycleRecord, since: datetime) -> Notice:
    pilots = f"{cycle.state.pilots.waiting} wait" if cycle.state.pilots is not None else "number unknown"
    why = cycle.note or (cycle.decision.reasons[-1].why if cycle.decision.reasons else "")
    said = f"; last cycle: {cycle.decision.submit} to submit{f', {why}' if why else ''}"
    ready = "unknown" if cycle.state.jobs.ready is None else cycle.state.jobs.ready
    text = f"{_QUEUE}{cycle.queue} starves: {ready} jobs are ready, no pilot runs ({pilots}){said}"
    return _notice(NoticeKind.QUEUE_STARVING, f"{_QUEUE}{cycle.queue}", text, since, Severity.WARNING)


def _hole(tally: HostTally, wall_s: float) -> Notice:
    what = f"{tally.fast} of {tally.ran} pilots failed within {wall_s:.0f} s"
    text = f"node {tally.host}: {what}; `apf hosts` shows them"
    return _notice(NoticeKind.BLACK_HOLE, f"host.{tally.host}", text, tally.first_fast_at, Severity.WARNING)


def _expires(name: str, end: datetime, since: datetime, now: datetime) -> Notice:
    over = now >= end
    verb = "expired" if over else "expires"
    text = f"credential {name} {verb} at {end:%Y-%m-%d %H:%M} UTC and was not renewed"
    severity = Severity.CRITICAL if over else Severity.WARNING
    return _notice(NoticeKind.CREDENTIAL_EXPIRES, f"credentials.{name}", text, since, severity)
