"""What a store must do for the dashboard: a suite to subclass, as `testkit.store` is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from autopyfactory.api import EndingField, Fates, HostFates, WebStore
from autopyfactory.model import EndCause, PilotCounts, PilotState, QueueName, Transition
from autopyfactory.testkit.store import AGLT2, BNL, MINUTE, NOW, a_cycle, pilot_ids

__all__ = ["GlanceOpener", "GlanceStoreContract"]

GlanceOpener = Callable[[], Awaitable[WebStore]]


class GlanceStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> GlanceOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def store(self, opener: GlanceOpener) -> AsyncIterator[WebStore]:
        """Return the store, opened once."""
        store = await opener()
        yield store
        await store.close()

    async def test_the_newest_cycles_of_some_queues(self, store: WebStore) -> None:
        for cycle in (a_cycle(), a_cycle(at=NOW + MINUTE), a_cycle(BNL)):
            await store.plan(cycle, [], "schedd")
        found = await store.latest_of([AGLT2, QueueName("NOWHERE")])
        assert list(found) == [AGLT2]
        assert (found[AGLT2].at, found[AGLT2].decision) == (NOW + MINUTE, a_cycle().decision)
        assert await store.latest_of([]) == {}

    async def test_running_pilots_step_by_step(self, store: WebStore) -> None:
        for minutes, running in ((0, 3), (1, 4), (10, None), (29, 7), (30, 9)):
            seen = a_cycle(at=NOW + minutes * MINUTE)
            counts = None if running is None else PilotCounts(running=running)
            await store.plan(replace(seen, state=replace(seen.state, pilots=counts)), [], "schedd")
        await store.plan(a_cycle(BNL, NOW - timedelta(days=1)), [], "schedd")
        steps = await store.running_at([AGLT2, BNL], NOW, timedelta(minutes=10), 3)
        # the last of the first step, an unknown one in the second, and none beyond the end
        assert steps == {AGLT2: [4, None, 7], BNL: [None, None, None]}
        assert await store.running_at([], NOW, timedelta(minutes=10), 3) == {}

    async def test_fates_of_queues_and_of_hosts(self, store: WebStore) -> None:
        pilots = pilot_ids(9)
        await store.plan(a_cycle(planned=9), pilots, "schedd")
        other = pilot_ids(1, seed=2)
        await store.plan(a_cycle(BNL, planned=1), other, "schedd")
        good = Transition(pilots[0], NOW, PilotState.DONE, cause=EndCause.EXIT, host="good", wall_s=3600.0)
        bad = replace(good, state=PilotState.FAILED, host="bad", wall_s=5.0)
        await store.record(
            [
                good,
                replace(bad, pilot=pilots[1], at=NOW + MINUTE),
                replace(bad, pilot=pilots[2], wall_s=3600.0),
                replace(bad, pilot=pilots[3], empty=True),
                replace(bad, pilot=pilots[4], cause=EndCause.CANCELLED, host="good"),
                replace(bad, pilot=pilots[5], cause=EndCause.REFUSED),
                replace(bad, pilot=pilots[6], at=NOW - timedelta(days=2)),
                replace(bad, pilot=pilots[7], state=PilotState.LOST, cause=EndCause.VANISHED, host=""),
                replace(good, pilot=other[0], host="bad"),
            ]
        )
        since = NOW - MINUTE
        assert await store.fates(since) == {AGLT2: Fates(6, 3, 1), BNL: Fates(1, 0, 0)}
        hosts = await store.host_fates(since, fast_s=300)
        assert hosts == [
            HostFates("bad", Fates(4, 2, 1), 1, (AGLT2, BNL), NOW + MINUTE),
            HostFates("good", Fates(2, 0, 0), 0, (AGLT2,), NOW),
        ]
        assert [host.host for host in await store.host_fates(since, 300, limit=1)] == ["bad"]
        assert await store.host_fates(since, 300, BNL) == [HostFates("bad", Fates(1), 0, (BNL,), NOW)]
        assert await store.fates(NOW + timedelta(hours=1)) == {}

    async def test_one_failure_of_one_is_no_black_hole(self, store: WebStore) -> None:
        pilots = pilot_ids(11)
        await store.plan(a_cycle(planned=11), pilots, "schedd")
        end = Transition(pilots[0], NOW, PilotState.FAILED, host="unlucky")
        await store.record([end, *(replace(end, pilot=pilot, host="hole") for pilot in pilots[1:])])
        assert [host.host for host in await store.host_fates(NOW, 300)] == ["hole", "unlucky"]

    async def test_endings_of_some_states_on_one_host(self, store: WebStore) -> None:
        pilots = pilot_ids(3)
        await store.plan(a_cycle(planned=3), pilots, "schedd")
        end = Transition(pilots[0], NOW, PilotState.FAILED, host="a")
        done = replace(end, pilot=pilots[1], state=PilotState.DONE)
        await store.record([end, done, replace(end, pilot=pilots[2], host="b")])
        by = [EndingField.STATE, EndingField.HOST]
        failed = await store.ending_groups(NOW, by, states=[PilotState.FAILED])
        assert sorted(str(group.values[1]) for group in failed) == ["a", "b"]
        on_a = await store.ending_groups(NOW, by, states=[PilotState.FAILED], host="a")
        assert [(group.values, group.pilots) for group in on_a] == [(("failed", "a"), 1)]
