"""What a listing may and may not say about a pilot."""

from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.control.watch import Patience, compare, conclude, revived
from autopyfactory.model import (
    BatchId,
    BatchStatus,
    EndCause,
    Ending,
    Pilot,
    PilotId,
    PilotState,
    QueueName,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE = NOW - timedelta(seconds=10)
QUEUE = QueueName("BNL")
ONE = PilotId("01" + "A" * 24)
PATIENCE = Patience(settle=timedelta(minutes=2), grace=timedelta(hours=1))


def pilot(state: PilotState, age: timedelta = timedelta(minutes=1), **more: object) -> Pilot:
    found = Pilot(ONE, QUEUE, "schedd", state, planned_at=NOW - timedelta(days=1), changed_at=NOW - age)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def listed(state: PilotState, since: datetime | None = None) -> dict[PilotId, BatchStatus]:
    return {ONE: BatchStatus(state, BatchId("7.0"), QUEUE, since=since)}


def follow(found: Pilot, endings: dict[PilotId, Ending] | None = None) -> list[PilotState]:
    changes = conclude([found], endings or {}, lambda _: {80}, PATIENCE, NOW - timedelta(days=2), NOW, NOW)
    return [change.state for change in changes]


def test_a_pilot_that_is_being_sent_is_neither_missing_nor_changed() -> None:
    live = {ONE: pilot(PilotState.PLANNED)}
    assert compare({}, live, {ONE}, BEFORE, NOW).missing == []
    assert compare(listed(PilotState.RUNNING), live, {ONE}, BEFORE, NOW).changes == []


def test_a_pilot_that_changed_after_the_listing_was_asked_for_is_not_missing() -> None:
    live = {ONE: pilot(PilotState.PENDING, age=timedelta(seconds=5))}
    assert compare({}, live, set(), BEFORE, NOW).missing == []


def test_an_unconfirmed_pilot_that_is_listed_is_adopted() -> None:
    (change,) = compare(
        listed(PilotState.PENDING), {ONE: pilot(PilotState.PLANNED)}, set(), BEFORE, NOW
    ).changes
    assert (change.state, change.batch_id) == (PilotState.PENDING, "7.0")


@pytest.mark.parametrize(
    ("said", "start"),
    [
        (NOW - timedelta(minutes=3), NOW - timedelta(minutes=3)),
        (NOW + timedelta(hours=1), NOW),
        (NOW - timedelta(days=9), NOW - timedelta(days=1)),
        (None, BEFORE),
    ],
    ids=["plausible", "clock ahead", "clock behind", "not said"],
)
def test_a_start_lies_between_planning_and_now(said: datetime | None, start: datetime) -> None:
    listing = listed(PilotState.RUNNING, since=said)
    (change,) = compare(listing, {ONE: pilot(PilotState.PENDING)}, set(), BEFORE, NOW).changes
    assert change.started_at == start


@pytest.mark.parametrize(
    ("found", "states"),
    [
        (pilot(PilotState.PENDING, timedelta(seconds=90)), []),
        (pilot(PilotState.PENDING, timedelta(minutes=3)), [PilotState.UNKNOWN]),
        (pilot(PilotState.RUNNING, timedelta(days=3)), [PilotState.UNKNOWN]),
        (pilot(PilotState.UNKNOWN, timedelta(minutes=59)), []),
        (pilot(PilotState.UNKNOWN, timedelta(minutes=61)), [PilotState.LOST]),
        (pilot(PilotState.PLANNED, timedelta(seconds=90)), []),
        (pilot(PilotState.PLANNED, timedelta(minutes=3)), [PilotState.FAILED]),
    ],
)
def test_absence_is_borne_for_a_while(found: Pilot, states: list[PilotState]) -> None:
    assert follow(found) == states


def test_after_a_restart_an_old_plan_is_waited_for_anew() -> None:
    old = pilot(PilotState.PLANNED, timedelta(hours=5))
    restarted = NOW - timedelta(seconds=30)
    assert conclude([old], {}, lambda _: (), PATIENCE, restarted, NOW, NOW) == []


@pytest.mark.parametrize(
    ("ending", "state", "empty"),
    [
        (Ending(EndCause.EXIT, exit_code=0), PilotState.DONE, False),
        (Ending(EndCause.EXIT, exit_code=80), PilotState.DONE, True),
        (Ending(EndCause.EXIT, exit_code=1), PilotState.FAILED, False),
        (Ending(EndCause.SIGNAL, signal=9), PilotState.FAILED, None),
        (Ending(EndCause.CANCELLED), PilotState.REMOVED, None),
        (Ending(EndCause.REMOVED), PilotState.REMOVED, None),
    ],
)
def test_endings(ending: Ending, state: PilotState, empty: bool | None) -> None:
    found = pilot(PilotState.RUNNING)
    (change,) = conclude([found], {ONE: ending}, lambda _: {80}, PATIENCE, BEFORE, NOW, NOW)
    assert (change.state, change.empty) == (state, empty)
    assert change.reason


@pytest.mark.parametrize(
    ("cause", "comes_back"),
    [
        (EndCause.UNSENT, True),
        (EndCause.VANISHED, True),
        (EndCause.REFUSED, True),
        (EndCause.EXIT, False),
        (EndCause.CANCELLED, False),
    ],
)
def test_only_an_end_that_nobody_saw_is_taken_back(cause: EndCause, comes_back: bool) -> None:
    ended = pilot(PilotState.FAILED, cause=cause)
    change = revived(ended, listed(PilotState.RUNNING)[ONE], NOW)
    assert (change is not None) == comes_back
