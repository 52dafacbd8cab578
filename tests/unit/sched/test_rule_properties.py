"""What holds for every chain and every state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.api import ChainStep, RuleSettings
from autopyfactory.model import (
    Decision,
    History,
    JobCounts,
    Outcome,
    PilotCounts,
    QueueName,
    QueueState,
    SiteStatus,
)
from autopyfactory.sched.activated import Activated
from autopyfactory.sched.breaker import Breaker
from autopyfactory.sched.cap import Cap
from autopyfactory.sched.chain import run_chain
from autopyfactory.sched.fill_activated import FillActivated
from autopyfactory.sched.fixed import Fixed
from autopyfactory.sched.keep_n_queue_life import KeepNQueueLife
from autopyfactory.sched.keep_n_running import KeepNRunning
from autopyfactory.sched.max_pending import MaxPending
from autopyfactory.sched.max_per_cycle import MaxPerCycle
from autopyfactory.sched.max_per_factory import MaxPerFactory
from autopyfactory.sched.max_to_run import MaxToRun
from autopyfactory.sched.max_to_submit import MaxToSubmit
from autopyfactory.sched.min_pending import MinPending
from autopyfactory.sched.min_per_cycle import MinPerCycle
from autopyfactory.sched.min_to_submit import MinToSubmit
from autopyfactory.sched.null import Null
from autopyfactory.sched.ramp import Ramp
from autopyfactory.sched.ready import Ready
from autopyfactory.sched.scale import Scale
from autopyfactory.sched.simple import Simple
from autopyfactory.sched.site_status import StatusRule
from autopyfactory.sched.status_offline import StatusOffline
from autopyfactory.sched.status_test import StatusTest
from autopyfactory.sched.throttle import Throttle
from autopyfactory.sched.trivial import Trivial
from autopyfactory.sched.warm_pool import WarmPool
from autopyfactory.sched.weighted_activated import WeightedActivated

steady = settings(deadline=None)
"""A shared machine may be slow; that is no failure."""

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)

count = st.integers(0, 200)
maybe = st.none() | count
factor = st.floats(0, 3)

outcome = st.builds(
    lambda ago, wall, failed, empty: Outcome(
        NOW - timedelta(seconds=ago + (wall or 0) + 60), NOW - timedelta(seconds=ago), wall, failed, empty
    ),
    st.integers(0, 9000),
    st.none() | st.floats(0, 9000),
    st.booleans(),
    st.booleans(),
)
history = st.builds(
    lambda outcomes, live: History(
        NOW - timedelta(days=1),
        tuple(sorted(outcomes, key=lambda one: one.ended_at)),
        tuple(NOW - timedelta(seconds=ago) for ago in live),
    ),
    st.lists(outcome, max_size=20),
    st.lists(st.integers(0, 9000), max_size=5),
)
pilots = st.builds(PilotCounts, planned=count, pending=count, held=count, running=count, retiring=count)
state = st.builds(
    QueueState,
    name=st.just(QueueName("Q")),
    observed_at=st.just(NOW),
    jobs=st.builds(JobCounts, ready=maybe),
    pilots=st.none() | pilots,
    site_status=st.sampled_from(SiteStatus),
    just_started=count,
    factory_total=maybe,
    history=st.just(History()) | history,
)


def caps(quirks: bool = False) -> st.SearchStrategy[RuleSettings]:
    """Rules that only ever lower the number."""
    quirk = st.just(quirks)
    return st.one_of(
        st.builds(MaxPerCycle, maximum=count, apf2_quirks=quirk),
        st.builds(MaxToSubmit, maximum=count, apf2_quirks=quirk),
        st.builds(MaxPending, maximum=count, apf2_quirks=quirk, allow_negative=st.booleans()),
        st.builds(MaxToRun, maximum=count, apf2_quirks=quirk),
        st.builds(MaxPerFactory, maximum=maybe, apf2_quirks=quirk),
        st.builds(Throttle, submit=count, apf2_quirks=quirk),
        st.builds(Breaker, minimum=st.integers(1, 5)),
    )


floors = st.one_of(
    st.builds(WarmPool, minimum=count),
    st.builds(MinPerCycle, minimum=count),
    st.builds(MinToSubmit, minimum=count),
    st.builds(MinPending, minimum=count),
)
shapers = st.one_of(floors, st.builds(Scale, factor=factor), st.builds(Ramp, divisor=st.integers(1, 9)))
ready_driven = st.one_of(
    st.builds(Ready, offset=count),
    st.builds(FillActivated, default=count),
    st.builds(WeightedActivated, activated=factor, pending=factor),
    st.builds(Simple, default=count, maxpendingpilots=maybe),
    st.builds(
        Activated,
        default=count,
        max_jobs_torun=maybe,
        max_pilots_per_cycle=maybe,
        min_pilots_per_cycle=count,
        max_pilots_pending=maybe,
        min_pilots_pending=count,
        testmode_allowed=st.booleans(),
        testmode_pilots=count,
    ),
)
others = st.one_of(
    st.builds(Fixed, pilotspercycle=count),
    st.builds(KeepNRunning, keep_running=maybe),
    st.builds(KeepNQueueLife, njobs=maybe),
    st.builds(Null),
    st.builds(Trivial),
    st.builds(StatusTest, pilots=count),
    st.builds(StatusOffline, pilots=count),
)
any_rule = st.one_of(caps(), shapers, ready_driven, others)
quirky_rule = st.one_of(
    caps(quirks=True),
    st.builds(MinPerCycle, minimum=count, apf2_quirks=st.just(True)),
    st.builds(MinPending, minimum=count, apf2_quirks=st.just(True)),
    st.builds(StatusTest, pilots=count, apf2_quirks=st.just(True)),
    st.builds(StatusOffline, pilots=count, apf2_quirks=st.just(True)),
)


def decide(rules: list[RuleSettings], seen: QueueState) -> Decision:
    return run_chain([ChainStep(type(rule).__name__, rule) for rule in rules], seen)


def limit(rule: RuleSettings, seen: QueueState) -> int | None:
    """Return how many pilots a rule lets through, worked out anew; None: no limit that can be told so."""
    assert seen.pilots is not None
    match rule:
        case MaxPerCycle() | MaxToSubmit():
            return rule.maximum
        case MaxPending():
            return max(0, rule.maximum - seen.pilots.waiting)
        case MaxToRun():
            return max(0, rule.maximum - seen.pilots.waiting - seen.pilots.running)
        case MaxPerFactory() if rule.maximum is not None:
            return 0 if seen.factory_total is None else max(0, rule.maximum - seen.factory_total)
        case StatusRule() if seen.site_status is rule.when:
            return rule.pilots
        case StatusRule() if seen.site_status is SiteStatus.UNKNOWN:
            return 0
        case Simple() if rule.maxpendingpilots is not None:
            return max(0, rule.maxpendingpilots - seen.pilots.waiting)
        case Throttle() if seen.history.since is None:
            return rule.submit
        case Breaker() if seen.history.since is None:
            return max(0, 1 - seen.pilots.waiting)
    return None


@steady
@given(st.lists(any_rule | quirky_rule, max_size=8), state)
def test_both_numbers_are_never_negative_and_never_both_at_once(
    rules: list[RuleSettings], seen: QueueState
) -> None:
    decision = decide(rules, seen)
    assert decision.submit >= 0
    assert decision.retire >= 0
    assert 0 in (decision.submit, decision.retire)


@steady
@given(st.lists(any_rule | quirky_rule, max_size=8), state)
def test_every_change_has_its_reason(rules: list[RuleSettings], seen: QueueState) -> None:
    decision = decide(rules, seen)
    numbers = [0]
    for reason in decision.reasons:
        assert reason.before == numbers[-1]
        assert reason.why
        numbers.append(reason.after)
    assert decision.number == numbers[-1]
    assert len(decision.reasons) == (len(rules) if seen.pilots else 1)


@steady
@given(st.lists(any_rule, max_size=8), state)
def test_never_above_any_cap(rules: list[RuleSettings], seen: QueueState) -> None:
    decision = decide(rules, seen)
    if seen.pilots is None:
        assert decision.submit == 0
        return
    for rule in rules:
        allowed = limit(rule, seen)
        assert allowed is None or decision.submit <= allowed, rule


@steady
@given(st.lists(any_rule, max_size=4), st.lists(caps(), max_size=5), state, st.randoms(use_true_random=False))
def test_the_order_of_caps_makes_no_difference(
    rules: list[RuleSettings], some_caps: list[RuleSettings], seen: QueueState, random: Random
) -> None:
    shuffled = list(some_caps)
    random.shuffle(shuffled)
    assert decide(rules + some_caps, seen).submit == decide(rules + shuffled, seen).submit


@steady
@given(st.lists(any_rule | quirky_rule, max_size=8), state)
def test_what_is_blocked_stays_blocked(rules: list[RuleSettings], seen: QueueState) -> None:
    decision = decide(rules, seen)
    if decision.blocked:
        assert (decision.submit, decision.retire) == (0, 0)
    if any(
        "comment" in reason.facts and reason.facts["comment"] == "no siteinfo" for reason in decision.reasons
    ):
        assert decision.blocked


@steady
@given(st.lists(any_rule, max_size=8), state)
def test_no_more_are_retired_than_there_are(rules: list[RuleSettings], seen: QueueState) -> None:
    assert decide(rules, seen).retire <= (seen.pilots.total if seen.pilots else 0)


@steady
@given(st.lists(caps() | floors, max_size=6), count, state)
def test_caps_and_floors_never_turn_retiring_into_submitting(
    rules: list[RuleSettings], n: int, seen: QueueState
) -> None:
    so_far = Decision(rule="before").then(-n, "before")
    for rule in rules:
        so_far = rule(seen, so_far)
        assert n == 0 or so_far.submit == 0


@steady
@given(ready_driven, st.lists(shapers | caps(), max_size=5), state, count, count)
def test_more_work_never_means_fewer_pilots(
    source: RuleSettings, rules: list[RuleSettings], seen: QueueState, ready: int, more: int
) -> None:
    few = decide([source, *rules], replace(seen, jobs=JobCounts(ready=ready)))
    many = decide([source, *rules], replace(seen, jobs=JobCounts(ready=ready + more)))
    assert few.number <= many.number


@steady
@given(caps(), state, count)
def test_caps_only_lower(rule: RuleSettings, seen: QueueState, n: int) -> None:
    assert rule(seen, Decision(rule="before").then(n, "before")).number <= n
    assert isinstance(rule, Cap | Throttle | Breaker)
