"""What is wrong at present, derived from what is known.  Pure functions: time and limits are arguments."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from autopyfactory.api import NoticeThresholds, Sample
from autopyfactory.model import (
    CycleRecord,
    EndpointHealth,
    Notice,
    NoticeKind,
    Outcome,
    QueueName,
    Severity,
    SiteStatus,
)

_QUEUE = "queue."
_RETRIED = timedelta(minutes=30)
"""How long after the end of a back-off a queue counts as still failing: by then a cycle has tried again."""
_HOLE_WINDOW = timedelta(hours=6)


def failing(health: Iterable[EndpointHealth], now: datetime, limits: NoticeThresholds) -> list[Notice]:
    """Return ENDPOINT_DOWN for endpoints, and BREAKER_OPEN for queues whose submissions fail.

    Hand in only what is still configured: the store remembers the health of what is gone, too.
    """
    bad = [item for item in health if item.failures >= limits.failures]
    return [
        _breaker(item, now) if item.name.startswith(_QUEUE) else _down(item, now)
        for item in bad
        if not item.name.startswith(_QUEUE) or (item.retry_at is not None and now < item.retry_at + _RETRIED)
    ]


def starving(
    samples: Iterable[Sample],
    latest: Mapping[QueueName, CycleRecord],
    now: datetime,
    limits: NoticeThresholds,
) -> list[Notice]:
    """Return QUEUE_STARVING where work waited and no pilot ran in every sample of ``starving_s``.

    ``samples``: oldest first, of twice ``starving_s`` at least, of any queues.  A sample with an unknown
    number says neither that a queue starves nor that it does not.  ``latest``: the newest cycle of each
    queue that is enabled; others are passed over, and so are those whose site is offline.
    """
    began: dict[QueueName, datetime] = {}
    for sample in samples:
        if sample.jobs.ready is None or sample.pilots is None:
            continue
        if sample.jobs.ready > 0 and sample.pilots.running == 0:
            began.setdefault(sample.queue, sample.at)
        else:
            began.pop(sample.queue, None)
    waited = timedelta(seconds=limits.starving_s)
    return [
        _starves(latest[queue], since)
        for queue, since in began.items()
        if now - since >= waited
        and queue in latest
        and latest[queue].state.site_status is not SiteStatus.OFFLINE
    ]


def black_holes(
    ended: Mapping[str, Sequence[Outcome]], now: datetime, limits: NoticeThresholds
) -> list[Notice]:
    """Return BLACK_HOLE for every host on which most pilots of the last six hours failed fast.

    ``ended``: host → its pilots that ended, in any order and as far back as at hand.  An empty pilot or one
    that was cancelled has not failed, and one that never started says nothing of its host.
    """
    holes = []
    for host, outcomes in ended.items():
        ran = [
            outcome
            for outcome in outcomes
            if outcome.wall_s is not None and now - outcome.ended_at <= _HOLE_WINDOW
        ]
        fast = [
            outcome
            for outcome in ran
            if outcome.failed and outcome.wall_s is not None and outcome.wall_s <= limits.hole_wall_s
        ]
        if len(ran) >= limits.hole_pilots and len(fast) >= limits.hole_share * len(ran):
            holes.append(_hole(host, len(ran), fast, limits.hole_wall_s))
    return holes


def expiring(ends: Mapping[str, datetime], now: datetime, limits: NoticeThresholds) -> list[Notice]:
    """Return CREDENTIAL_EXPIRES for every credential near or past its end.

    ``ends``: NAME of ``[credentials.NAME]`` → the end of what is at hand now.
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


def _breaker(health: EndpointHealth, now: datetime) -> Notice:
    text = f"{health.name}: {health.failures} submissions failed in a row, backing off: {health.error}"
    # the last success may be days ago, when work last waited: it does not tell when the failing began
    since = health.error_at or now
    return _notice(NoticeKind.BREAKER_OPEN, health.name, text, since, Severity.WARNING)


def _starves(cycle: CycleRecord, since: datetime) -> Notice:
    pilots = f"{cycle.state.pilots.waiting} wait" if cycle.state.pilots is not None else "number unknown"
    why = cycle.note or (cycle.decision.reasons[-1].why if cycle.decision.reasons else "")
    said = f"; last cycle: {cycle.decision.submit} to submit{f', {why}' if why else ''}"
    ready = "unknown" if cycle.state.jobs.ready is None else cycle.state.jobs.ready
    text = f"{_QUEUE}{cycle.queue} starves: {ready} jobs are ready, no pilot runs ({pilots}){said}"
    return _notice(NoticeKind.QUEUE_STARVING, f"{_QUEUE}{cycle.queue}", text, since, Severity.WARNING)


def _hole(host: str, ran: int, fast: Sequence[Outcome], wall_s: float) -> Notice:
    text = f"node {host}: {len(fast)} of {ran} pilots failed within {wall_s:.0f} s; `apf hosts` shows them"
    since = min(outcome.ended_at for outcome in fast)
    return _notice(NoticeKind.BLACK_HOLE, f"host.{host}", text, since, Severity.WARNING)


def _expires(name: str, end: datetime, since: datetime, now: datetime) -> Notice:
    over = now >= end
    verb = "expired" if over else "expires"
    text = f"credential {name} {verb} at {end:%Y-%m-%d %H:%M} UTC and was not renewed"
    severity = Severity.CRITICAL if over else Severity.WARNING
    return _notice(NoticeKind.CREDENTIAL_EXPIRES, f"credentials.{name}", text, since, severity)
