"""Back-off: exponential, bounded, spread, and over at the first success."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.control.health import BackOff, HealthBook

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BACK_OFF = BackOff(first_s=30, ceiling_s=900)


@given(st.text(max_size=20), st.integers(1, 10_000))
def test_delays_stay_near_the_nominal_ones(name: str, failures: int) -> None:
    nominal = min(900, 30 * 2 ** min(failures - 1, 20))
    assert 0.8 * nominal <= BACK_OFF.delay_s(name, failures) <= 1.2 * nominal


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({BACK_OFF.delay_s(f"queue.{n}", 1) for n in range(100)}) > 90


def test_a_success_ends_the_row() -> None:
    book = HealthBook()
    for _ in range(3):
        book.failed("batch.schedd", NOW, "connection refused", BACK_OFF)
    assert "after 3 failures: connection refused" in book.holds_back("batch.schedd", NOW)
    assert book.holds_back("batch.schedd", NOW + timedelta(hours=1)) == ""
    book.succeeded("batch.schedd", NOW)
    assert (book.of("batch.schedd").failures, book.holds_back("batch.schedd", NOW)) == (0, "")


def test_only_changes_are_stored() -> None:
    book = HealthBook()
    book.succeeded("wms.panda", NOW)
    (taken,) = book.take_changed()
    assert book.take_changed() == []
    book.put_back([taken])
    assert book.take_changed() == [taken]
