from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.api import NewestCycle, NoticeThresholds, Sample
from autopyfactory.model import (
    CycleRecord,
    Decision,
    EndpointHealth,
    HostTally,
    JobCounts,
    Notice,
    NoticeKind,
    PilotCounts,
    QueueName,
    QueueState,
    Severity,
    SiteStatus,
)
from autopyfactory.notify import (
    Dry,
    black_holes,
    dry,
    expiring,
    failing,
    long_dry,
    starving,
    store_trouble,
    tripped,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIMITS = NoticeThresholds()
BNL = QueueName("BNL")


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_an_endpoint_that_fails_again_and_again_is_down() -> None:
    health = EndpointHealth("batch.schedd", ok_at=ago(20), error="refused", error_at=ago(1), failures=3)
    (notice,) = failing([health], NOW, LIMITS)
    assert notice == Notice(
        "endpoint_down:batch.schedd",
        NoticeKind.ENDPOINT_DOWN,
        "batch.schedd",
        "batch.schedd gives no usable answer (last at 2026-03-01 11:40 UTC; 3 failures in a row): refused",
        ago(20),
        Severity.CRITICAL,
    )


def test_an_endpoint_that_never_answered() -> None:
    (notice,) = failing([EndpointHealth("wms.panda", error="no", error_at=ago(1), failures=9)], NOW, LIMITS)
    assert "it never gave one" in notice.text
    assert notice.since == ago(1)


@pytest.mark.parametrize(
    "health",
    [
        EndpointHealth("batch.schedd", ok_at=NOW),
        EndpointHealth("batch.schedd", error="refused", error_at=NOW, failures=2, retry_at=NOW),
        EndpointHealth("queue.BNL", error="refused", error_at=NOW, failures=2, retry_at=NOW),
        EndpointHealth("queue.BNL", error="old", error_at=ago(600), failures=5, retry_at=ago(31)),
        EndpointHealth("batch.s.submit", error="old", error_at=ago(600), failures=5, retry_at=ago(31)),
    ],
)
def test_what_is_no_notice(health: EndpointHealth) -> None:
    assert failing([health], NOW, LIMITS) == []


@pytest.mark.parametrize("retry_at", [ago(-10), ago(5)])
def test_a_queue_that_backs_off(retry_at: datetime) -> None:
    health = EndpointHealth(
        "queue.BNL", ok_at=ago(9000), error="quota", error_at=ago(2), failures=4, retry_at=retry_at
    )
    (notice,) = failing([health], NOW, LIMITS)
    assert (notice.kind, notice.scope, notice.since) == (NoticeKind.BREAKER_OPEN, "queue.BNL", ago(2))
    assert notice.text == "queue.BNL: 4 submissions failed in a row, backing off: quota"


def sample(minutes_ago: float, ready: int | None, running: int | None, queue: QueueName = BNL) -> Sample:
    pilots = None if running is None else PilotCounts(pending=2, running=running)
    return Sample(ago(minutes_ago), queue, JobCounts(ready=ready), pilots, 0, 0)


def cycle(site: SiteStatus = SiteStatus.ONLINE) -> CycleRecord:
    state = QueueState(BNL, NOW, JobCounts(ready=7), PilotCounts(pending=2), site)
    decision = Decision(rule="max_pending").then(0, "2 of 2 already wait")
    return CycleRecord(state, (), decision)


STARVED = [sample(90, 5, 0), sample(60, 6, 0), sample(2, 7, 0)]


@pytest.mark.parametrize(
    ("samples", "since"),
    [
        pytest.param(STARVED, 90, id="work waits and nothing runs"),
        pytest.param([sample(120, 5, 3), *STARVED], 90, id="from the last running pilot on"),
        pytest.param([*STARVED[:2], sample(10, 7, 1), sample(2, 7, 0)], None, id="one ran"),
        pytest.param([*STARVED[:2], sample(10, 0, 0), sample(2, 7, 0)], None, id="no work for a while"),
        pytest.param([*STARVED, sample(1, 0, 0)], None, id="no work now"),
        pytest.param([sample(50, 5, 0), sample(2, 7, 0)], None, id="not long enough"),
        pytest.param([STARVED[0], sample(30, None, None), sample(2, None, 0)], 90, id="unknown ends nothing"),
        pytest.param(
            [sample(90, None, 0), sample(60, 4, None), sample(2, 7, 0)], None, id="unknown begins nothing"
        ),
        pytest.param([], None, id="nothing known"),
    ],
)
def test_starving(samples: Sequence[Sample], since: float | None) -> None:
    found = dry(samples, {})
    starved = {queue: found[queue] for queue in long_dry(found, NOW, LIMITS)}
    notices = starving(starved, [cycle()])
    assert [notice.since for notice in notices] == ([] if since is None else [ago(since)])


@pytest.mark.parametrize("overlap", range(4))
def test_samples_may_come_in_pieces_and_some_of_them_twice(overlap: int) -> None:
    samples = [sample(120, 5, 3), *STARVED, sample(1, 3, 0)]
    for cut in range(len(samples) + 1):
        first = dry(samples[:cut], {})
        assert dry(samples[max(0, cut - overlap) :], first) == {BNL: Dry(ago(90), ago(1))}


def test_what_was_dry_long_ago_is_not_known_to_be_dry_now() -> None:
    assert long_dry({BNL: Dry(ago(300), ago(121))}, NOW, LIMITS) == set()
    assert long_dry({BNL: Dry(ago(300), ago(119))}, NOW, LIMITS) == {BNL}


def test_a_starving_queue_says_what_its_last_cycle_decided() -> None:
    (notice,) = starving({BNL: Dry(ago(90), NOW)}, [cycle()])
    assert notice.key == "queue_starving:queue.BNL"
    assert notice.text == (
        "queue.BNL starves: 7 jobs are ready, no pilot runs (2 wait); "
        "last cycle: 0 to submit, 2 of 2 already wait"
    )


def test_queues_are_told_apart_and_those_off_line_or_gone_passed_over() -> None:
    gone = QueueName("GONE")
    found = dry([*STARVED, sample(90, 5, 0, gone), sample(1, 5, 0, gone)], {})
    assert found.keys() == {BNL, gone}
    assert [notice.scope for notice in starving(found, [cycle()])] == ["queue.BNL"]
    assert starving(found, [cycle(SiteStatus.OFFLINE)]) == []


@pytest.mark.parametrize(
    ("breaker", "says"),
    [("", ""), ("closed", ""), ("open", "is open,"), ("trial", "is open, and canaries try the site,")],
)
def test_a_breaker_among_the_rules(breaker: str, says: str) -> None:
    notices = tripped([NewestCycle(sample(1, 5, 0), breaker)])
    assert [(notice.key, notice.since) for notice in notices] == (
        [("breaker_open:queue.BNL", ago(1))] if says else []
    )
    assert all(says in notice.text for notice in notices)


@pytest.mark.parametrize(
    ("ran", "fast", "told"),
    [(10, 10, True), (10, 8, True), (10, 7, False), (9, 9, False), (1000, 800, True), (1000, 799, False)],
)
def test_black_holes(ran: int, fast: int, told: bool) -> None:
    notices = black_holes([HostTally("wn1", ran, fast, ago(30)), HostTally("wn2", 50, 1, ago(3))], LIMITS)
    assert [(notice.key, notice.text, notice.since) for notice in notices] == (
        [
            (
                "black_hole:host.wn1",
                f"node wn1: {fast} of {ran} pilots failed within 300 s; `apf hosts` shows them",
                ago(30),
            )
        ]
        if told
        else []
    )


@pytest.mark.parametrize(
    ("left_min", "verb", "severity"),
    [
        (1441, None, None),
        (1440, "expires", Severity.WARNING),
        (1, "expires", Severity.WARNING),
        (0, "expired", Severity.CRITICAL),
        (-60, "expired", Severity.CRITICAL),
    ],
)
def test_credentials(left_min: float, verb: str | None, severity: Severity | None) -> None:
    notices = expiring({"proxy": ago(-left_min)}, NOW, LIMITS)
    told = [(notice.key, notice.severity, verb in notice.text) for notice in notices if verb]
    assert told == ([("credential_expires:credentials.proxy", severity, True)] if verb else [])
    assert len(notices) == len(told)


def test_store() -> None:
    assert store_trouble("", NOW) == []
    (notice,) = store_trouble("disk full", ago(3))
    assert (notice.key, notice.severity) == ("store_trouble:store", Severity.CRITICAL)
    assert notice.text.endswith("disk full")
