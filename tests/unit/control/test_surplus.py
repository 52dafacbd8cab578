"""Pilots are removed only when several fresh cycles in a row agree."""

from datetime import UTC, datetime, timedelta

from autopyfactory.control.surplus import Surplus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_the_smallest_number_of_the_last_cycles_counts() -> None:
    surplus = Surplus(3)
    assert [surplus.agreed(n, at(t), at(t)) for t, n in enumerate([5, 2, 7, 7, 7])] == [0, 0, 2, 2, 7]


def test_one_cycle_that_disagrees_or_knows_nothing_begins_anew() -> None:
    surplus = Surplus(2)
    assert surplus.agreed(5, at(0), at(0)) == 0
    assert surplus.agreed(0, at(1), at(1)) == 0
    assert surplus.agreed(5, at(2), at(2)) == 0
    assert surplus.agreed(5, None, at(3)) == 0
    assert surplus.agreed(5, at(4), at(4)) == 0
    assert surplus.agreed(5, at(5), at(5)) == 5


def test_the_same_answer_twice_is_one_answer() -> None:
    surplus = Surplus(2)
    assert [surplus.agreed(5, at(0), at(t)) for t in range(5)] == [0] * 5
