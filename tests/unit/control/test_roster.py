"""Counts kept along the way equal counts made anew."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.control.roster import Roster
from autopyfactory.model import Outcome, Pilot, PilotCounts, PilotId, PilotState, QueueName, Transition

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUEUES = [QueueName("BNL"), QueueName("CERN")]

changes = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(sorted(PilotState)), st.booleans()), max_size=60
)


def name(n: int) -> PilotId:
    return PilotId(f"{n:026d}")


@given(changes)
def test_counts(steps: list[tuple[int, PilotState, bool]]) -> None:
    roster = Roster()
    pilots = [Pilot(name(n), QUEUES[n % 2], "schedd", PilotState.PLANNED, NOW, NOW) for n in range(10)]
    roster.add(pilots)
    for n, state, retiring in steps:
        if name(n) in roster.at("schedd"):
            roster.apply(pilots[n], Transition(name(n), NOW, state, retiring=retiring or None))
    live = [pilot for pilot in pilots if pilot.state.is_live]
    assert roster.total() == roster.total_at("schedd") == len(live)
    for queue in QUEUES:
        there = [pilot for pilot in live if pilot.queue == queue]
        counted = PilotCounts.of(pilot.state for pilot in there if not pilot.retiring)
        found = roster.counts(queue)
        assert (found.waiting, found.running) == (counted.waiting, counted.running)
        assert found.retiring == sum(pilot.retiring for pilot in there)


def test_no_more_is_remembered_than_rules_may_look_back_on() -> None:
    roster = Roster()
    for n in range(10):
        pilot = Pilot(name(n), QUEUES[0], "schedd", PilotState.RUNNING, NOW, NOW)
        roster.add([pilot])
        end = NOW + timedelta(hours=6 * n)
        roster.apply(pilot, Transition(pilot.id, end, PilotState.DONE, ended_at=end))
    kept = [outcome.ended_at for outcome in roster.history(QUEUES[0], NOW).outcomes]
    assert kept == [NOW + timedelta(hours=6 * n) for n in range(5, 10)], "the newest one's last 24 hours"


def test_what_the_store_holds_takes_the_place_of_what_was_known() -> None:
    roster, hour = Roster(), timedelta(hours=1)
    stored = [Outcome(NOW, NOW + n * hour, 60, False, False) for n in range(3)]
    for _ in range(2):
        roster.recall(QUEUES[0], stored)
    assert roster.history(QUEUES[0], NOW).outcomes == tuple(stored)


def test_starts_are_noted_once() -> None:
    roster = Roster()
    pilot = Pilot(name(1), QUEUES[0], "schedd", PilotState.PENDING, NOW, NOW)
    roster.add([pilot])
    roster.apply(pilot, Transition(pilot.id, NOW, PilotState.RUNNING, started_at=NOW))
    roster.apply(pilot, Transition(pilot.id, NOW, PilotState.DONE, started_at=NOW))
    assert roster.started_since(QUEUES[0], NOW - timedelta(seconds=1)) == 1
    assert roster.started_since(QUEUES[0], NOW) == 0
