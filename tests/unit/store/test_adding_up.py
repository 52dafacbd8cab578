"""How numbers over time are divided and added up: sums are kept, and what is unknown stays so."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.api import MAX_POINTS
from autopyfactory.model import QueueName
from autopyfactory.store.adding_up import (
    CARRY_S,
    US,
    Numbers,
    span,
    totals,
    widened,
    without_unfinished,
)

A, B = QueueName("a"), QueueName("b")
gauge = st.none() | st.integers(0, 1000).map(float)
steps = st.builds(
    Numbers, st.integers(0, 500).map(lambda n: n * 600 * US), gauge, gauge, gauge, st.integers(0, 9)
)
timelines = st.lists(steps, max_size=60, unique_by=lambda one: one.at_us).map(
    lambda found: sorted(found, key=lambda one: one.at_us)
)


@given(st.integers(1, 5 * 365 * 86400), st.integers(0, 2 * 10**9), st.booleans())
def test_a_window_of_any_length_is_few_steps_and_served_by_sums_that_fit(
    window_s: int, until_s: int, of_all: bool
) -> None:
    until_us = (until_s + window_s) * US
    chosen = span(until_us - window_s * US, until_us, of_all=of_all)
    assert chosen.from_us <= until_us - window_s * US < chosen.from_us + chosen.step_us
    assert chosen.from_us % chosen.step_us == 0
    assert (until_us - chosen.from_us) / chosen.step_us <= MAX_POINTS
    assert chosen.source_s is None or chosen.step_s % chosen.source_s == 0


@pytest.mark.parametrize(
    ("hours", "one_s", "all_s"),
    [(1, 30, 60), (6, 120, 600), (24, 300, 600), (24 * 7, 3600, 3600), (24 * 30, 10800, 10800)],
)
def test_the_usual_windows(hours: int, one_s: int, all_s: int) -> None:
    since_us, until_us = 0, hours * 3600 * US
    assert span(since_us, until_us, of_all=False).step_s == one_s
    assert span(since_us, until_us, of_all=True).step_s == all_s


@given(timelines, st.sampled_from([600, 1800, 3600, 10800]))
def test_wider_steps_keep_sums_bounds_and_gaps(timeline: list[Numbers], step_s: int) -> None:
    wide = widened(timeline, step_s * US)
    assert sum(one.submitted for one in wide) == sum(one.submitted for one in timeline)
    assert all(before.at_us < after.at_us for before, after in pairwise(wide))
    for one in wide:
        inside = [n for n in timeline if one.at_us <= n.at_us < one.at_us + step_s * US]
        assert inside  # where nothing was, nothing is
        known = [n.ready for n in inside if n.ready is not None]
        assert (one.ready is None) == (not known)
        assert one.ready is None or min(known) <= one.ready <= max(known)


@given(timelines)
def test_the_numbers_of_one_queue_add_up_to_themselves(timeline: list[Numbers]) -> None:
    added = totals((A, one) for one in timeline)
    assert [(n.at_us, n.ready, n.pending, n.running, n.submitted) for n in added] == [
        (n.at_us, n.ready, n.pending, n.running, n.submitted) for n in timeline
    ]


def test_what_a_queue_told_counts_for_a_while() -> None:
    late = CARRY_S * US
    told = [
        (A, Numbers(0, ready=5)),
        (B, Numbers(0, ready=1)),
        (A, Numbers(late, ready=6)),
        (A, Numbers(late + 1, ready=7)),
    ]
    assert [(n.ready, n.queues) for n in totals(told)] == [(6, 2), (7, 2), (7, 1)]


def test_what_a_queue_does_not_know_any_more_is_left_out_and_told() -> None:
    told = [(A, Numbers(0, 5, 1, 1)), (B, Numbers(0, 1, 1, 1)), (B, Numbers(1, None, None, None))]
    assert [(n.ready, n.unknown) for n in totals(told)] == [(6, 0), (5, 1)]


def test_the_last_step_has_means_once_all_queues_have_told_theirs() -> None:
    first, last = Numbers(0, 5, 5, 5, 2, queues=2), Numbers(1, 3, 3, 3, 1, queues=1)
    assert without_unfinished([first, last]) == [first, Numbers(1, submitted=1)]
    assert without_unfinished([last, first]) == [last, first]
    assert without_unfinished([last]) == [last]
