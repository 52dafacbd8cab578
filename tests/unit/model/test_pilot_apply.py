"""A change of a pilot means the same in memory and in the store."""

from datetime import UTC, datetime, timedelta

from autopyfactory.model import BatchId, EndCause, Pilot, PilotId, PilotState, QueueName, Transition

START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = START + timedelta(minutes=5)
ID = PilotId("01ARZ3NDEKTSV4RRFFQ69G5FAV")


def pilot() -> Pilot:
    return Pilot(ID, QueueName("q"), "schedd", PilotState.PENDING, START, START, batch_id=BatchId("7.0"))


def test_what_a_change_does_not_say_stays() -> None:
    one = pilot()
    one.apply(Transition(ID, LATER, PilotState.RUNNING, host="node1", started_at=LATER))
    assert (one.state, one.changed_at, one.batch_id, one.host) == (PilotState.RUNNING, LATER, "7.0", "node1")


def test_an_end_without_a_time_ends_when_it_was_noticed() -> None:
    one = pilot()
    one.apply(Transition(ID, LATER, PilotState.LOST, cause=EndCause.VANISHED))
    assert one.ended_at == LATER


def test_a_pilot_that_comes_back_has_no_ending() -> None:
    one = pilot()
    one.apply(
        Transition(ID, LATER, PilotState.FAILED, cause=EndCause.EXIT, exit_code=1, wall_s=3.0, empty=True)
    )
    one.apply(Transition(ID, LATER, PilotState.RUNNING))
    assert (one.ended_at, one.cause, one.exit_code, one.wall_s, one.empty) == (None, None, None, None, None)
