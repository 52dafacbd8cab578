"""Pilots that ended soon after their start hold back new ones."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from autopyfactory.model import Decision, History, Outcome, QueueState
from autopyfactory.sched.throttle import Throttle

MakeState = Callable[..., QueueState]
Pilot = tuple[float, float | None]
Ask = Callable[..., Decision]


def seen(state: MakeState, *pilots: Pilot) -> QueueState:
    """State with pilots that ended so many seconds ago, after so many seconds on the node."""
    now = state().observed_at
    outcomes = tuple(
        Outcome(now - timedelta(days=1), now - timedelta(seconds=ago), wall, failed=False, empty=False)
        for ago, wall in pilots
    )
    return state(history=History(now - timedelta(days=1), outcomes))


SHORT, LONG, OLD, NEVER_RAN = (60, 5), (60, 600), (4000, 5), (60, None)


@pytest.mark.parametrize(
    ("pilots", "n", "number"),
    [
        ([], 43, 43),
        ([SHORT, SHORT, LONG], 43, 1),
        ([SHORT, LONG], 43, 43),
        ([SHORT, LONG, OLD, OLD], 43, 43),
        ([SHORT, NEVER_RAN, NEVER_RAN], 43, 1),
        ([(60, 3700), SHORT], 43, 1),
        ([SHORT], 0, 0),
        ([SHORT], -5, -5),
    ],
)
def test_throttle(state: MakeState, ask: Ask, pilots: list[Pilot], n: int, number: int) -> None:
    assert ask(Throttle(), seen(state, *pilots), n).number == number


def test_the_share_is_told(state: MakeState, ask: Ask) -> None:
    reason = ask(Throttle(submit=2), seen(state, SHORT, SHORT, LONG), 43).reasons[-1]
    assert reason.why == "2 of 3 pilots of the last 3600 s ended in less than 10 s: at most 2"
    assert reason.facts == {"total": 3, "short": 2, "ratio": 0.5, "submit": 2}


def test_an_unknown_history_is_not_a_healthy_one(state: MakeState, ask: Ask) -> None:
    assert ask(Throttle(submit=2), state(), 43).submit == 2


def test_quirks(state: MakeState, ask: Ask) -> None:
    quirky = Throttle(apf2_quirks=True, submit=2)
    assert ask(quirky, state(), 43).submit == 43
    assert ask(quirky, seen(state, SHORT), 0).submit == 2
