"""Rules that change the number so far."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, PilotCounts, QueueState, SiteStatus
from autopyfactory.sched.max_pending import MaxPending
from autopyfactory.sched.max_per_cycle import MaxPerCycle
from autopyfactory.sched.max_per_factory import MaxPerFactory
from autopyfactory.sched.max_to_run import MaxToRun
from autopyfactory.sched.max_to_submit import MaxToSubmit
from autopyfactory.sched.min_pending import MinPending
from autopyfactory.sched.min_per_cycle import MinPerCycle
from autopyfactory.sched.min_to_submit import MinToSubmit
from autopyfactory.sched.ramp import Ramp
from autopyfactory.sched.scale import Scale
from autopyfactory.sched.status_offline import StatusOffline
from autopyfactory.sched.status_test import StatusTest
from autopyfactory.sched.warm_pool import WarmPool

MakeState = Callable[..., QueueState]
Ask = Callable[..., Decision]

TEST, OFFLINE, BROKEROFF = SiteStatus.TEST, SiteStatus.OFFLINE, SiteStatus.BROKEROFF


@pytest.mark.parametrize(
    ("rule", "n", "seen", "number"),
    [
        (Scale(), 7, {}, 7),
        (Scale(factor=0.5), 43, {}, 22),
        (Scale(factor=1.1), 100, {}, 110),
        (Scale(factor=0), 43, {}, 0),
        (Scale(factor=2), 0, {}, 0),
        (Scale(factor=0.5), -3, {}, -1),
        (Scale(factor=2), -3, {}, -3),
        (Ramp(), 86, {}, 28),
        (Ramp(), 3, {}, 1),
        (Ramp(), 2, {}, 1),
        (Ramp(), 0, {}, 0),
        (Ramp(), -4, {}, -4),
        (Ramp(divisor=1), 86, {}, 86),
        (MaxPerCycle(maximum=10), 43, {}, 10),
        (MaxPerCycle(maximum=10), 3, {}, 3),
        (MaxPerCycle(maximum=0), 3, {}, 0),
        (MaxPerCycle(maximum=10), -3, {}, -3),
        (MaxToSubmit(maximum=10), 43, {}, 10),
        (MaxToSubmit(maximum=10), -43, {}, -43),
        (MaxPending(maximum=25), 43, {"pending": 10}, 15),
        (MaxPending(maximum=25), 43, {"pending": 0}, 25),
        (MaxPending(maximum=25), 43, {"pending": 30}, 0),
        (MaxPending(maximum=25), -2, {"pending": 30}, -2),
        (MaxPending(maximum=25, allow_negative=True), 43, {"pending": 30}, 0),
        (MaxPending(maximum=25, apf2_quirks=True), 43, {"pending": 10}, 15),
        (MaxPending(maximum=25, apf2_quirks=True), 43, {"pending": 0}, 43),
        (MaxPending(maximum=25, apf2_quirks=True), 43, {"pending": 30}, -5),
        (MaxPending(maximum=25, apf2_quirks=True, allow_negative=False), 43, {"pending": 30}, 0),
        (MaxToRun(maximum=25), 43, {"pending": 10, "running": 8}, 7),
        (MaxToRun(maximum=25), 43, {"pending": 10, "running": 80}, 0),
        (MaxToRun(maximum=25), -1, {"pending": 10, "running": 80}, -1),
        (MaxToRun(maximum=25, apf2_quirks=True), 43, {"pending": 10, "running": 20}, -5),
        (MaxPerFactory(), 43, {"total": None}, 43),
        (MaxPerFactory(maximum=100), 43, {"total": 90}, 10),
        (MaxPerFactory(maximum=100), 43, {"total": 190}, 0),
        (MaxPerFactory(maximum=100), -3, {"total": 190}, -3),
        (MaxPerFactory(maximum=100, apf2_quirks=True), 43, {"total": 190}, 0),
        (MinPerCycle(minimum=5), 3, {}, 5),
        (MinPerCycle(minimum=5), 8, {}, 8),
        (MinPerCycle(minimum=5), -8, {}, -8),
        (MinPerCycle(minimum=5, apf2_quirks=True), -8, {}, 5),
        (MinToSubmit(minimum=5), 3, {}, 5),
        (MinToSubmit(minimum=5), -3, {}, -3),
        (MinPending(minimum=5), 0, {"pending": 2}, 3),
        (MinPending(minimum=5), 1, {"pending": 9}, 1),
        (MinPending(minimum=5), -2, {"pending": 2}, -2),
        (MinPending(minimum=5, apf2_quirks=True), -8, {"pending": 7}, -2),
        (WarmPool(minimum=5), 0, {"pending": 2}, 3),
        (WarmPool(minimum=5), 4, {"pending": 2}, 4),
        (WarmPool(minimum=5), 0, {"pending": 9}, 0),
        (WarmPool(minimum=5), -2, {"pending": 2}, -2),
        (WarmPool(minimum=5), 1, {"status": TEST}, 1),
        (WarmPool(minimum=5), 1, {"status": SiteStatus.UNKNOWN}, 1),
        (StatusTest(pilots=3), 43, {}, 43),
        (StatusTest(pilots=3), 43, {"status": TEST}, 3),
        (StatusTest(pilots=3), 0, {"status": TEST}, 3),
        (StatusTest(), 43, {"status": TEST}, 0),
        (StatusTest(pilots=3), -2, {"status": TEST}, -2),
        (StatusTest(pilots=3, apf2_quirks=True), -2, {"status": TEST}, 3),
        (StatusTest(pilots=3), 43, {"status": OFFLINE}, 43),
        (StatusOffline(pilots=1), 43, {"status": OFFLINE}, 1),
        (StatusOffline(pilots=1), 43, {"status": BROKEROFF}, 43),
        (StatusOffline(pilots=1), 43, {"status": TEST}, 43),
        (StatusOffline(pilots=1), -2, {"status": OFFLINE}, -2),
    ],
)
def test_number_after(
    state: MakeState, ask: Ask, rule: RuleSettings, n: int, seen: dict[str, Any], number: int
) -> None:
    decision = ask(rule, state(**seen), n)
    assert decision.number == number
    assert decision.blocked is False
    assert decision.reasons[-1].why


@pytest.mark.parametrize(
    "rule", [MaxPending(maximum=9), MaxToRun(maximum=9), MinPending(minimum=9), WarmPool(minimum=9)]
)
def test_an_unknown_number_of_pilots_blocks(state: MakeState, ask: Ask, rule: RuleSettings) -> None:
    assert ask(rule, state(pending=None), 5).blocked


@pytest.mark.parametrize("rule", [StatusTest(pilots=3), StatusOffline(pilots=1)])
def test_an_unknown_site_status_blocks_and_says_why(state: MakeState, ask: Ask, rule: RuleSettings) -> None:
    decision = ask(rule, state(status=SiteStatus.UNKNOWN), 5)
    assert decision.blocked
    assert "set the queue's status" in decision.reasons[-1].why


def test_an_unknown_factory_blocks_only_where_there_is_a_limit(state: MakeState, ask: Ask) -> None:
    assert ask(MaxPerFactory(maximum=100), state(total=None), 5).blocked
    assert ask(MaxPerFactory(), state(total=None), 5).submit == 5


def test_in_flight_pilots_wait(state: MakeState) -> None:
    seen = replace(state(), pilots=PilotCounts(planned=4, pending=3, held=2, unknown=1))
    decision = MaxPending(maximum=12)(seen, Decision(submit=9))
    assert decision.submit == 2


@pytest.mark.parametrize(
    ("cap", "seen", "submit"),
    [
        (MaxPerCycle(maximum=3), {}, 3),
        (MaxPending(maximum=25), {"pending": 24}, 1),
        (MaxToRun(maximum=25), {"running": 24}, 1),
        (MaxPerFactory(maximum=25), {"total": 24}, 1),
        (StatusOffline(pilots=1), {"status": OFFLINE}, 1),
    ],
)
@pytest.mark.parametrize(
    "later", [MinPerCycle(minimum=9), MinPending(minimum=99), WarmPool(minimum=99), Scale(factor=5)]
)
def test_nothing_later_goes_above_a_cap(
    state: MakeState, ask: Ask, cap: RuleSettings, seen: dict[str, Any], submit: int, later: RuleSettings
) -> None:
    now = state(**seen)
    decision = later(now, ask(cap, now, 8))
    assert decision.submit <= submit


def test_with_quirks_a_cap_holds_only_at_its_place(state: MakeState, ask: Ask) -> None:
    now = state(pending=24)
    capped = ask(MaxPending(maximum=25, apf2_quirks=True), now, 8)
    assert MinPerCycle(minimum=9)(now, capped).submit == 9
