"""The site breaker: closed, open, canaries, closed again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from autopyfactory.model import Decision, History, Outcome, QueueState
from autopyfactory.sched.breaker import Breaker

MakeState = Callable[..., QueueState]
Ask = Callable[..., Decision]

RULE = Breaker(window=3600, minimum=4, ratio=0.5, maxtime=30, cooldown=600, rounds=3)


class Site:
    """What became of a site's pilots; times are minutes from the state's midday, before it negative."""

    def __init__(self, state: MakeState) -> None:
        self._state = state
        self._noon = state().observed_at
        self._outcomes: list[Outcome] = []
        self._live: list[tuple[datetime, datetime | None]] = []

    def at(self, minute: float) -> datetime:
        return self._noon + timedelta(minutes=minute)

    def ended(
        self,
        minute: float,
        *,
        wall_s: float | None = 600,
        failed: bool = False,
        empty: bool = False,
        n: int = 1,
    ) -> "Site":
        before = timedelta(seconds=(wall_s or 0) + 1)
        outcome = Outcome(self.at(minute) - before, self.at(minute), wall_s, failed, empty)
        self._outcomes += [outcome] * n
        return self

    def live(self, planned: float, started: float | None = None) -> "Site":
        self._live.append((self.at(planned), None if started is None else self.at(started)))
        return self

    def seen(self, minute: float = 0) -> QueueState:
        history = History(
            self.at(-24 * 60),
            tuple(sorted(self._outcomes, key=lambda outcome: outcome.ended_at)),
            tuple(planned for planned, _ in self._live),
            tuple(started for _, started in self._live),
        )
        return replace(self._state(history=history), observed_at=self.at(minute))


@pytest.fixture
def site(state: MakeState) -> Site:
    return Site(state)


@pytest.fixture
def broken(site: Site) -> Site:
    """A site whose breaker opened at 11:00; the first canary is due at 11:10."""
    return site.ended(-70, n=2).ended(-60, failed=True, n=3)


def test_closed_while_pilots_end_well(site: Site, ask: Ask) -> None:
    decision = ask(RULE, site.ended(-9, n=5).ended(-8, failed=True, n=5).seen(), 43)
    assert decision.submit == 43
    assert decision.reasons[-1].why == "breaker closed: 5 of 10 pilots failed or ended within 30 s"


def test_closed_while_few_have_ended(site: Site, ask: Ask) -> None:
    decision = ask(RULE, site.ended(-8, failed=True, n=3).seen(), 43)
    assert decision.submit == 43
    assert decision.reasons[-1].why.endswith("it can open from 4 on")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"failed": True}, "failed"),
        ({"failed": True, "wall_s": None}, "never started"),
        ({"wall_s": 29}, "ended too soon"),
    ],
)
def test_opens_on_bad_pilots(site: Site, ask: Ask, bad: dict[str, object], why: str) -> None:
    decision = ask(RULE, site.ended(-9, n=2).ended(-8, n=3, **bad).seen(), 43)  # type: ignore[arg-type]
    assert decision.submit == 0, why
    assert decision.reasons[-1].why == (
        "breaker open since 11:52: 3 of 5 pilots failed or ended within 30 s; first canary at 12:02"
    )


@pytest.mark.parametrize(
    "harmless",
    [{"wall_s": 5, "empty": True}, {"wall_s": None}, {"wall_s": 30}],
)
def test_stays_closed_for_pilots_that_say_nothing_bad(
    site: Site, ask: Ask, harmless: dict[str, object]
) -> None:
    assert ask(RULE, site.ended(-8, n=9, **harmless).seen(), 43).submit == 43  # type: ignore[arg-type]


def test_the_newest_few_count_however_old_they_are(site: Site, ask: Ask) -> None:
    site.ended(-200, failed=True, n=3)
    assert ask(RULE, site.seen(), 43).submit == 43
    assert ask(RULE, site.ended(-9, failed=True).seen(), 43).submit == 0


def test_a_good_pilot_never_opens_it(site: Site, ask: Ask) -> None:
    assert ask(RULE, site.ended(-200, failed=True, n=3).ended(-9).seen(), 43).submit == 43


def test_failures_leave_the_window(site: Site, ask: Ask) -> None:
    site.ended(-90, n=10).ended(-80, failed=True, n=4).ended(-9, n=4)
    assert ask(RULE, site.seen(), 43).reasons[-1].facts == {"state": "closed", "total": 4, "bad": 0}


@pytest.mark.parametrize(("minute", "submit"), [(-51, 0), (-50, 1), (-49, 1)])
def test_the_first_canary_comes_after_the_cooldown(
    broken: Site, ask: Ask, minute: float, submit: int
) -> None:
    assert ask(RULE, broken.seen(minute), 43).submit == submit


def test_one_canary_at_a_time_in_the_first_round(broken: Site, ask: Ask) -> None:
    decision = ask(RULE, broken.live(planned=-49).seen(-48), 43)
    assert decision.submit == 0
    assert decision.reasons[-1].why == (
        "breaker open since 11:00: 3 of 5 pilots failed or ended within 30 s; "
        "canary round 1: 1 allowed, 1 in flight"
    )


def test_pilots_from_before_are_no_canaries(broken: Site, ask: Ask) -> None:
    broken.live(planned=-90, started=-80).ended(-45, failed=True, wall_s=3000)
    assert ask(RULE, broken.seen(-40), 43).submit == 1


def test_rounds_grow_until_it_closes(broken: Site, ask: Ask) -> None:
    broken.ended(-38)
    assert ask(RULE, broken.seen(-37), 43).submit == 2
    broken.ended(-25)
    decision = ask(RULE, broken.live(planned=-26).seen(-24), 43)
    assert decision.submit == 0
    assert "canary round 2: 2 allowed, 1 in flight, 1 passed" in decision.reasons[-1].why
    broken.ended(-24)
    assert ask(RULE, broken.seen(-23), 43).submit == 4
    broken.ended(-10, n=4)
    decision = ask(RULE, broken.seen(-9), 43)
    assert decision.submit == 43
    assert decision.reasons[-1].facts["state"] == "closed"


def test_a_bad_canary_begins_the_cooldown_anew(broken: Site, ask: Ask) -> None:
    broken.ended(-38).ended(-25, failed=True, n=2)
    decision = ask(RULE, broken.seen(-24), 43)
    assert decision.submit == 0
    assert "breaker open since 11:00" in decision.reasons[-1].why
    assert decision.reasons[-1].why.endswith("first canary at 11:45")
    assert ask(RULE, broken.seen(-15), 43).submit == 1


def test_one_bad_canary_of_four_is_below_the_ratio(broken: Site, ask: Ask) -> None:
    broken.ended(-38).ended(-25, n=2).ended(-10, n=3).ended(-9, failed=True)
    assert ask(RULE, broken.seen(-8), 43).submit == 43


def test_a_cancelled_canary_is_replaced(broken: Site, ask: Ask) -> None:
    assert ask(RULE, broken.ended(-45, wall_s=None).seen(-44), 43).submit == 1


def test_a_canary_that_runs_on_passes(broken: Site, ask: Ask) -> None:
    broken.live(planned=-49, started=-48)
    assert ask(RULE, broken.seen(11), 43).submit == 0
    assert ask(RULE, broken.seen(12), 43).submit == 2


def test_a_canary_counts_once_when_it_ends_after_it_passed(broken: Site, ask: Ask) -> None:
    broken.ended(100, wall_s=140 * 60)
    assert ask(RULE, broken.seen(101), 43).submit == 2


def test_it_stays_open_over_a_long_run_of_bad_canaries(site: Site, ask: Ask) -> None:
    for minute in range(-23 * 60, 0, 15):
        site.ended(minute, failed=True, wall_s=60)
    decision = ask(RULE, site.seen(), 43)
    assert decision.reasons[-1].facts == {"state": "trial", "round": 1, "allowed": 1}


def test_after_it_closed_failures_from_before_count_no_more(broken: Site, ask: Ask) -> None:
    broken.ended(-38).ended(-25, n=2).ended(-10, n=4)
    broken.ended(-9, failed=True, wall_s=3600, n=5)
    assert ask(RULE, broken.seen(), 43).submit == 43
    broken.ended(-1, failed=True, wall_s=60, n=4)
    assert ask(RULE, broken.seen(), 43).submit == 0


@pytest.mark.parametrize(("pending", "submit"), [(0, 1), (1, 0)])
def test_an_unknown_history_lets_one_wait_at_a_time(
    state: MakeState, ask: Ask, pending: int, submit: int
) -> None:
    assert ask(RULE, state(pending=pending, running=8), 43).submit == submit


def test_an_unknown_number_of_pilots_blocks(state: MakeState, ask: Ask) -> None:
    assert ask(RULE, state(pending=None), 43).blocked


@pytest.mark.parametrize("n", [0, -5])
def test_it_neither_raises_nor_retires(broken: Site, state: MakeState, ask: Ask, n: int) -> None:
    assert ask(RULE, broken.seen(-55), n).number == n
    assert ask(RULE, broken.seen(-50), n).number == n
    assert ask(RULE, state(), n).number == n


def test_another_day_is_told_with_its_date(broken: Site, ask: Ask) -> None:
    assert "since 2024-03-01 11:00:" in ask(RULE, broken.seen(13 * 60), 43).reasons[-1].why


def test_a_long_history_is_played_quickly(site: Site, ask: Ask) -> None:
    for i in range(2000):
        site.ended(-1000 + i / 2, failed=i % 3 == 0)
    assert ask(RULE, site.seen(), 43).submit == 43
