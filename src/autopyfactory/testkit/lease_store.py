"""What every store that several factories work on must do: a suite to subclass, as `StoreContract` is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import pytest

from autopyfactory.api import Lease, LeaseLost, LeaseStore, Limit, NoRoom, Store, Terms
from autopyfactory.model import Pilot, PilotId, PilotState, Transition
from autopyfactory.testkit.store import AGLT2, BNL, MINUTE, NOW, a_cycle, pilot_ids

__all__ = ["LeaseOpener", "LeaseStoreContract", "SharedStore"]


class SharedStore(Store, LeaseStore, Protocol):
    """What the suite is run on."""


LeaseOpener = Callable[[], Awaitable[SharedStore]]
"""Opens the store under test; each time the same one, which is empty at first."""


def a_change(pilot: PilotId) -> Transition:
    """Return what its owner tells of a pilot."""
    return Transition(pilot, NOW + MINUTE, PilotState.RUNNING, "listed")


class LeaseStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> LeaseOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def store(self, opener: LeaseOpener) -> AsyncIterator[SharedStore]:
        """Return the store of the first factory."""
        store = await opener()
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, opener: LeaseOpener) -> AsyncIterator[SharedStore]:
        """Return the store of the second factory."""
        store = await opener()
        yield store
        await store.close()

    # --- whose a queue is

    async def test_a_queue_is_given_to_one_of_those_who_claim_it(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        wanted = {AGLT2: None, BNL: None}
        first, second = await asyncio.gather(store.claim(wanted, "a"), other.claim(wanted, "b"))
        assert sorted([*first, *second]) == [AGLT2, BNL]
        assert {*first.values(), *second.values()} == {1}
        leases = await store.leases()
        assert {leases[queue].owner for queue in first} <= {"a"}
        assert {leases[queue].owner for queue in second} <= {"b"}

    async def test_a_lease_that_was_renewed_is_not_taken(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        await store.claim({AGLT2: None}, "a")
        seen = await other.leases()
        assert seen == {AGLT2: Lease("a", 1, 0)}
        assert await store.renew("a") == {AGLT2: 1}
        assert await other.claim(seen, "b") == {}
        assert await store.leases() == {AGLT2: Lease("a", 1, 1)}

    async def test_a_lease_that_stood_still_is_taken_under_a_new_fence(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        await store.claim({AGLT2: None}, "a")
        assert await other.claim(await other.leases(), "b") == {AGLT2: 2}
        assert await store.renew("a") == {}
        assert await other.renew("b") == {AGLT2: 2}

    async def test_only_the_owner_gives_a_queue_back(self, store: SharedStore, other: SharedStore) -> None:
        await store.claim({AGLT2: None}, "a")
        await other.give_back([AGLT2, BNL], "b")
        assert await store.renew("a") == {AGLT2: 1}
        await store.give_back([AGLT2], "a")
        assert (await other.leases())[AGLT2].owner == ""
        assert await store.renew("a") == {}

    # --- who may write

    async def test_a_plan_needs_the_newest_fence(self, store: SharedStore, other: SharedStore) -> None:
        mine, late = pilot_ids(2)
        await store.claim({AGLT2: None}, "a")
        await store.plan_under(Terms(1), a_cycle(planned=1), [mine], "schedd")
        await other.claim(await other.leases(), "b")
        with pytest.raises(LeaseLost) as lost:
            await store.plan_under(Terms(1), a_cycle(planned=1), [late], "schedd")
        assert lost.value.queues == {AGLT2}
        assert list(await store.find([mine, late])) == [mine]
        assert len(await store.cycles(AGLT2)) == 1
        await other.plan_under(Terms(2), a_cycle(planned=1), [late], "schedd")
        assert len(await store.find([late])) == 1

    async def test_nothing_is_planned_for_a_queue_that_was_given_back(self, store: SharedStore) -> None:
        await store.claim({AGLT2: None}, "a")
        await store.give_back([AGLT2], "a")
        with pytest.raises(LeaseLost):
            await store.plan_under(Terms(1), a_cycle(planned=1), pilot_ids(1), "schedd")

    async def test_a_plan_is_either_before_a_change_of_hands_or_refused(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        fences = dict(await store.claim({AGLT2: None}, "a"))
        for seed in range(10):
            (pilot,) = pilot_ids(1, seed=seed)
            seen = await other.leases()
            planned, taken = await asyncio.gather(
                store.plan_under(Terms(fences[AGLT2]), a_cycle(planned=1), [pilot], "schedd"),
                other.claim(seen, "b"),
                return_exceptions=True,
            )
            assert isinstance(taken, dict)
            assert taken[AGLT2] == fences[AGLT2] + 1
            assert isinstance(planned, LeaseLost) is not bool(await store.find([pilot]))
            fences = dict(await store.claim(await store.leases(), "a"))

    async def test_only_the_owner_of_a_pilots_queue_records_what_becomes_of_it(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        lost, kept = pilot_ids(2)
        fences = dict(await store.claim({AGLT2: None, BNL: None}, "a"))
        await store.plan_under(Terms(1), a_cycle(AGLT2, planned=1), [lost], "schedd")
        await store.plan_under(Terms(1), a_cycle(BNL, planned=1), [kept], "schedd")
        await other.claim({AGLT2: (await other.leases())[AGLT2]}, "b")
        with pytest.raises(LeaseLost) as error:
            await store.record_under(fences, [a_change(kept), a_change(lost)])
        assert error.value.queues == {AGLT2}
        assert error.value.pilots == {lost}
        assert {pilot.state for pilot in await store.live()} == {PilotState.PLANNED}
        await store.record_under(fences, [a_change(kept)])
        await other.record_under({AGLT2: 2}, [a_change(lost)])
        assert {pilot.state for pilot in await store.live()} == {PilotState.RUNNING}

    async def test_only_the_owner_adopts(self, store: SharedStore) -> None:
        fences = await store.claim({AGLT2: None}, "a")
        ours, theirs = (
            Pilot(name, queue, "schedd", PilotState.RUNNING, NOW, NOW)
            for name, queue in zip(pilot_ids(2), (AGLT2, BNL), strict=True)
        )
        with pytest.raises(LeaseLost) as error:
            await store.adopt_under(fences, [ours, theirs])
        assert error.value.pilots == {theirs.id}
        await store.adopt_under(fences, [ours])
        assert [pilot.id for pilot in await store.live()] == [ours.id]

    # --- limits across factories

    async def test_limits_count_the_pilots_of_all_factories(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        first, second, third = pilot_ids(2, seed=1), pilot_ids(2, seed=2), pilot_ids(1, seed=3)
        await store.claim({AGLT2: None}, "a")
        await other.claim({BNL: None}, "b")
        limits = (Limit(3), Limit(2, "schedd"))
        await store.plan_under(Terms(1, limits), a_cycle(AGLT2, planned=2), first, "schedd")
        with pytest.raises(NoRoom, match=r"at schedd .* 2 allowed"):
            await other.plan_under(Terms(1, limits), a_cycle(BNL, planned=1), third, "schedd")
        with pytest.raises(NoRoom, match=r"in all .* 3 allowed"):
            await other.plan_under(Terms(1, limits[:1]), a_cycle(BNL, planned=2), second, "cloud")
        await other.plan_under(Terms(1, limits[:1]), a_cycle(BNL, planned=1), third, "cloud")
        assert await other.tally(NOW) == {(AGLT2, "schedd"): 2, (BNL, "cloud"): 1}

    async def test_factories_that_plan_at_once_do_not_exceed_a_limit_together(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        await store.claim({AGLT2: None}, "a")
        await other.claim({BNL: None}, "b")
        terms = Terms(1, (Limit(7),))
        for seed in range(5):
            await asyncio.gather(
                store.plan_under(terms, a_cycle(AGLT2, planned=2), pilot_ids(2, seed=seed), "schedd"),
                other.plan_under(terms, a_cycle(BNL, planned=2), pilot_ids(2, seed=10 + seed), "schedd"),
                return_exceptions=True,
            )
        assert len(await store.live()) == 6

    async def test_pilots_that_were_told_to_end_long_ago_take_no_room(self, store: SharedStore) -> None:
        await store.claim({AGLT2: None}, "a")
        zombie, new = pilot_ids(2)
        await store.plan_under(Terms(1), a_cycle(planned=1), [zombie], "schedd")
        told = Transition(zombie, NOW, PilotState.RUNNING, "too old", retiring=True)
        await store.record_under({AGLT2: 1}, [told])
        later = NOW + timedelta(hours=1)
        assert await store.tally(NOW) == {(AGLT2, "schedd"): 1}
        assert await store.tally(later) == {}
        await store.plan_under(Terms(1, (Limit(1),), later), a_cycle(planned=1), [new], "schedd")
