"""Numbers, shares, times and lines as pages show them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.web.pages.words import ago, number, share, span, spark_path, with_query

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("part", "of", "shown"),
    [(0, 0, "–"), (0, 5, "0 %"), (1, 3, "33 %"), (1, 1000, "< 1 %"), (999, 1000, "> 99 %"), (7, 7, "100 %")],
)
def test_shares(part: int, of: int, shown: str) -> None:
    assert share(part, of) == shown


@given(st.integers(1, 10**7).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_only_none_is_none_and_only_all_is_all(given_: tuple[int, int]) -> None:
    part, of = given_
    assert (share(part, of) == "0 %") == (part == 0)
    assert (share(part, of) == "100 %") == (part == of)


def test_what_is_not_known_is_a_dash() -> None:
    assert number(None) == span(None) == "–"
    assert (number(0), number(12345)) == ("0", "12,345")
    assert ago(None, NOW) == "never"


def test_times() -> None:
    assert ago(NOW - timedelta(minutes=3, seconds=59), NOW) == "3 min ago"
    assert ago(NOW + timedelta(hours=2), NOW) == "in 2 h"
    assert ago(NOW + timedelta(milliseconds=5), NOW) == "0 s ago"  # clocks differ a little


def test_a_line_has_a_gap_where_nothing_is_known_and_a_dot_between_two_gaps() -> None:
    assert spark_path([0, 5, 10], 10, 10) == "M0.0 10.0L5.0 5.0L10.0 0.0"
    assert spark_path([10, None, 10, 10], 9, 9) == "M0.0 0.0h0M6.0 0.0L9.0 0.0"
    assert spark_path([None, None], 9, 9) == spark_path([], 9, 9) == ""
    assert spark_path([0, 0], 9, 9) == "M0.0 9.0L9.0 9.0"


def test_queries_leave_out_what_is_empty() -> None:
    assert with_query("/", q="", state=None) == "/"
    assert with_query("/", q="a b&c", page=0) == "/?q=a+b%26c&page=0"
