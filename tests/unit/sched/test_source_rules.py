"""Rules that give a number of their own, whatever the number so far."""

from collections.abc import Callable
from typing import Any

import pytest

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState, SiteStatus
from autopyfactory.sched.activated import Activated
from autopyfactory.sched.fill_activated import FillActivated
from autopyfactory.sched.fixed import Fixed
from autopyfactory.sched.keep_n_queue_life import KeepNQueueLife
from autopyfactory.sched.keep_n_running import KeepNRunning
from autopyfactory.sched.null import Null
from autopyfactory.sched.ready import Ready
from autopyfactory.sched.simple import Simple
from autopyfactory.sched.trivial import Trivial
from autopyfactory.sched.weighted_activated import WeightedActivated

MakeState = Callable[..., QueueState]
Ask = Callable[..., Decision]

TEST, OFFLINE, UNKNOWN = SiteStatus.TEST, SiteStatus.OFFLINE, SiteStatus.UNKNOWN


@pytest.mark.parametrize(
    ("rule", "seen", "number"),
    [
        (Ready(), {"ready": 100, "pending": 10}, 90),
        (Ready(offset=4), {"ready": 100, "pending": 10, "running": 8}, 86),
        (Ready(offset=4), {"ready": 100, "pending": 10, "just_started": 6}, 80),
        (Ready(offset=4), {"ready": 3}, 0),
        (Ready(), {"ready": 5, "pending": 10}, 0),
        (Ready(), {"ready": 0}, 0),
        (FillActivated(), {"ready": 100, "pending": 10, "running": 8}, 90),
        (FillActivated(), {"ready": 100, "pending": 10, "just_started": 5}, 85),
        (FillActivated(default=7), {"ready": 0}, 0),
        (FillActivated(default=7), {"ready": None, "pending": 3}, 7),
        (WeightedActivated(), {"ready": 100, "pending": 10}, 90),
        (WeightedActivated(activated=0.5, pending=2), {"ready": 101, "pending": 10}, 30),
        (WeightedActivated(activated=0.29), {"ready": 100}, 29),
        (WeightedActivated(activated=0), {"ready": 100, "pending": 1}, 0),
        (Fixed(), {"ready": 9}, 0),
        (Fixed(pilotspercycle=3), {"ready": None}, 3),
        (Null(), {"ready": None}, 0),
        (Trivial(), {"ready": None}, 1),
        (Simple(), {"ready": 20, "pending": 5}, 15),
        (Simple(maxpendingpilots=8), {"ready": 20, "pending": 5}, 3),
        (Simple(maxpendingpilots=8), {"ready": 20, "pending": 9}, 0),
        (Simple(default=4), {"ready": None}, 4),
        (Simple(default=4, maxpendingpilots=8), {"ready": None, "pending": 6}, 2),
        (Activated(), {"ready": 20, "pending": 5}, 15),
        (Activated(), {"ready": 20, "pending": 5, "status": UNKNOWN}, 15),
        (Activated(), {"ready": 20, "pending": 30}, 0),
        (Activated(max_jobs_torun=12), {"ready": 20, "pending": 5, "running": 4}, 3),
        (Activated(max_jobs_torun=12), {"ready": 20, "pending": 5, "running": 40}, 0),
        (Activated(max_pilots_per_cycle=6), {"ready": 20}, 6),
        (Activated(max_pilots_pending=6), {"ready": 20, "pending": 5}, 1),
        (Activated(min_pilots_per_cycle=2), {"ready": 0}, 2),
        (Activated(min_pilots_pending=4), {"ready": 0, "pending": 1}, 3),
        (Activated(min_pilots_pending=4, max_pilots_per_cycle=1), {"ready": 0}, 1),
        (Activated(min_pilots_per_cycle=4, max_jobs_torun=10), {"ready": 0, "running": 9}, 1),
        (Activated(min_pilots_per_cycle=4), {"ready": 9, "status": OFFLINE}, 0),
        (Activated(testmode_allowed=True, testmode_pilots=2), {"ready": 9, "status": TEST}, 2),
        (Activated(testmode_pilots=2), {"ready": 9, "status": TEST}, 9),
        (Activated(default=5), {"ready": None}, 5),
        (Activated(default=5, max_pilots_per_cycle=2), {"ready": None}, 2),
    ],
)
@pytest.mark.parametrize("n", [None, 0, 13, -13])
def test_number_of_its_own(
    state: MakeState, ask: Ask, rule: RuleSettings, seen: dict[str, Any], number: int, n: int | None
) -> None:
    decision = ask(rule, state(**seen), n)
    assert decision.number == number
    assert decision.blocked is False
    assert decision.reasons[-1].why


@pytest.mark.parametrize("rule", [Ready(), FillActivated(), WeightedActivated(), Simple(), Activated()])
def test_an_unknown_number_of_jobs_is_not_zero(state: MakeState, ask: Ask, rule: RuleSettings) -> None:
    decision = ask(rule, state(ready=None), 13)
    assert decision.blocked
    assert decision.submit == 0
    assert decision.reasons[-1].facts == {"comment": "no wmsinfo"}


@pytest.mark.parametrize(
    "rule",
    [
        Ready(),
        FillActivated(default=3),
        WeightedActivated(),
        Simple(default=3),
        Activated(default=3),
        KeepNRunning(keep_running=3),
        KeepNQueueLife(njobs=3),
    ],
)
def test_an_unknown_number_of_pilots_blocks(state: MakeState, ask: Ask, rule: RuleSettings) -> None:
    decision = ask(rule, state(ready=9, pending=None), 13)
    assert decision.blocked
    assert decision.number == 0


@pytest.mark.parametrize(
    ("rule", "n", "seen", "number"),
    [
        (KeepNRunning(keep_running=5), None, {}, 5),
        (KeepNRunning(keep_running=5), 100, {"pending": 2, "running": 1}, 2),
        (KeepNRunning(keep_running=5), 100, {"pending": 3, "running": 5}, -3),
        (KeepNRunning(keep_running=0), 100, {"running": 5}, -5),
        (KeepNRunning(keep_running=5), 0, {"running": 3, "retiring": 2}, 2),
        (KeepNRunning(keep_running=5), 0, {"ready": None, "running": 3}, 2),
        (KeepNRunning(), 7, {"pending": 1, "running": 1}, 5),
        (KeepNRunning(), 0, {"pending": 1, "running": 1}, -2),
        (KeepNRunning(), -4, {"pending": 1, "running": 1}, -2),
        (KeepNQueueLife(njobs=5), 100, {"pending": 1, "running": 1}, 3),
        (KeepNQueueLife(njobs=5), 0, {"running": 3, "retiring": 2}, 0),
        (KeepNQueueLife(njobs=5), 0, {"running": 3, "retiring": 9}, 0),
        (KeepNQueueLife(njobs=5), 0, {"running": 8}, -3),
        (KeepNQueueLife(njobs=5), 0, {"running": 5, "retiring": 3}, 0),
        (KeepNQueueLife(njobs=5), 0, {"running": 6, "retiring": 3}, -1),
        (KeepNQueueLife(), 7, {"running": 2}, 5),
    ],
)
def test_kept_numbers(
    state: MakeState, ask: Ask, rule: RuleSettings, n: int | None, seen: dict[str, Any], number: int
) -> None:
    assert ask(rule, state(**seen), n).number == number


@pytest.mark.parametrize("rule", [KeepNRunning(), KeepNQueueLife()])
def test_a_forgotten_number_to_keep_does_not_retire_all(
    state: MakeState, ask: Ask, rule: RuleSettings
) -> None:
    decision = ask(rule, state(running=8), None)
    assert decision.blocked
    assert decision.retire == 0


def test_what_is_kept_is_not_retired_for_want_of_an_answer(state: MakeState) -> None:
    unknown = state(ready=None, running=8)
    decision = KeepNRunning()(unknown, Ready()(unknown, Decision()))
    assert (decision.submit, decision.retire) == (0, 0)
