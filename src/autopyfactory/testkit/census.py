"""What a store must do for metrics: a suite to subclass, as `testkit.store` is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from autopyfactory.api import CycleSums, EndedPilots, NewestCycle, Sample, WebStore
from autopyfactory.model import CycleRecord, EndCause, PilotState, Transition
from autopyfactory.testkit.store import AGLT2, BNL, MINUTE, NOW, a_cycle, pilot_ids

__all__ = ["CensusOpener", "CensusStoreContract"]

CensusOpener = Callable[[], Awaitable[WebStore]]


def with_breaker(cycle: CycleRecord, state: str) -> CycleRecord:
    """Return a cycle in whose chain a breaker told its state."""
    return replace(cycle, decision=cycle.decision.under("breaker").then(0, "bad site", state=state))


class CensusStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> CensusOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def census(self, opener: CensusOpener) -> AsyncIterator[WebStore]:
        """Return the store, opened once."""
        store = await opener()
        yield store
        await store.close()

    async def test_the_newest_cycle_of_each_queue(self, census: WebStore) -> None:
        assert await census.newest_cycles() == []
        newest = with_breaker(a_cycle(BNL, NOW + MINUTE), "open")
        unknown = replace(newest.state, name=AGLT2, pilots=None)
        for cycle in (with_breaker(a_cycle(BNL), "closed"), newest, replace(a_cycle(), state=unknown)):
            await census.plan(cycle, [], "schedd")
        state, submit = newest.state, newest.decision.submit
        assert await census.newest_cycles() == [
            NewestCycle(
                Sample(NOW + MINUTE, AGLT2, unknown.jobs, None, a_cycle().decision.submit, 0),
                site_status=unknown.site_status,
                note=a_cycle().note,
            ),
            NewestCycle(
                Sample(NOW + MINUTE, BNL, state.jobs, state.pilots, submit, 0),
                "open",
                state.site_status,
                newest.note,
            ),
        ]

    async def test_cycles_are_summed_up_once(self, census: WebStore) -> None:
        assert await census.newest_cycle_id() == 0
        ids = [await census.plan(a_cycle(at=NOW + n * MINUTE, planned=n), [], "schedd") for n in range(4)]
        await census.plan(a_cycle(BNL, planned=5), pilot_ids(5), "schedd")
        newest = await census.newest_cycle_id()
        assert newest > ids[-1]
        assert await census.cycle_sums(ids[0], newest) == {AGLT2: CycleSums(3, 6, 6), BNL: CycleSums(1, 5, 5)}
        assert await census.cycle_sums(ids[0], ids[2]) == {AGLT2: CycleSums(2, 3, 3)}
        assert await census.cycle_sums(newest, newest) == {}

    async def test_endings_by_when_they_happened_and_by_when_they_were_learnt(self, census: WebStore) -> None:
        pilots = pilot_ids(5)
        await census.plan(a_cycle(planned=5), pilots, "schedd")
        done = Transition(pilots[0], NOW, PilotState.DONE, cause=EndCause.EXIT, empty=False)
        changes = [
            done,
            replace(done, pilot=pilots[1], at=NOW + 5 * MINUTE, ended_at=NOW + MINUTE),
            replace(done, pilot=pilots[2], empty=True),
            replace(done, pilot=pilots[3], at=NOW + 5 * MINUTE, ended_at=NOW - MINUTE),
        ]
        await census.record(changes)
        found = await census.ended_pilots(NOW, NOW, NOW + 5 * MINUTE)
        assert sorted(found, key=lambda ended: ended.pilots) == [
            EndedPilots(AGLT2, PilotState.DONE, EndCause.EXIT, empty=True, pilots=1, learnt=0),
            EndedPilots(AGLT2, PilotState.DONE, EndCause.EXIT, empty=False, pilots=2, learnt=1),
        ]
        (late,) = [e for e in await census.ended_pilots(NOW - MINUTE, NOW, NOW + MINUTE) if not e.empty]
        assert (late.pilots, late.learnt) == (3, 0)
        assert await census.ended_pilots(NOW + 2 * MINUTE, NOW, NOW + 9 * MINUTE) == []
