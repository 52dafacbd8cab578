"""What every store must do: a suite to subclass.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def opener(self, tmp_path: Path) -> Opener:
            return lambda: open_my_store(tmp_path / "store")

The tests are coroutines: run them with pytest-asyncio in its ``auto`` mode.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.api import PilotFilter, Sample, Store, StoredTransition
from autopyfactory.model import (
    BatchId,
    CycleRecord,
    Decision,
    EndCause,
    EndpointHealth,
    InputAge,
    JobCounts,
    Outcome,
    Pilot,
    PilotCounts,
    PilotId,
    PilotIds,
    PilotState,
    QueueName,
    QueueState,
    SiteStatus,
    Transition,
)

__all__ = ["Opener", "StoreContract", "a_cycle", "pilot_ids"]

Opener = Callable[[], Awaitable[Store]]
"""Opens the store under test; each time the same one, which is empty at first."""

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AGLT2, BNL = QueueName("AGLT2"), QueueName("BNL")


def pilot_ids(n: int, at: datetime = NOW, seed: int = 1) -> list[PilotId]:
    """Return n pilot ids; others for another time or seed."""
    return PilotIds(random.Random(seed).getrandbits).make(at, n)


def a_cycle(queue: QueueName = AGLT2, at: datetime = NOW, planned: int = 0) -> CycleRecord:
    """Return a cycle in which most fields say something."""
    decision = Decision(rule="ready").then(7, "7 ready, 0 wait", ready=7, waiting=0)
    return CycleRecord(
        state=QueueState(
            name=queue,
            observed_at=at,
            jobs=JobCounts(notready=5, ready=7, running=2, done=1, failed=0),
            pilots=PilotCounts(planned=0, pending=3, held=1, running=8, unknown=0, retiring=2),
            site_status=SiteStatus.ONLINE,
            factory_total=40,
        ),
        inputs=(InputAge("wms.panda", 3.25), InputAge("batch.schedd", None, "never answered")),
        decision=replace(decision, rule="max_per_cycle").then(planned, f"at most {planned}", name="größer"),
        planned=planned,
    )


def outcome(pilot: Pilot, *, failed: bool = False, empty: bool = False) -> Outcome:
    """Return the outcome that is expected of an ended pilot."""
    assert pilot.ended_at is not None
    return Outcome(pilot.planned_at, pilot.ended_at, pilot.wall_s, failed, empty)


class StoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> Opener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def store(self, opener: Opener) -> AsyncIterator[Store]:
        """Return the store, opened once."""
        store = await opener()
        yield store
        await store.close()

    # --- planning

    async def test_what_was_planned_outlives_the_process(self, store: Store, opener: Opener) -> None:
        pilots = pilot_ids(3)
        await store.plan(a_cycle(planned=3), pilots, "schedd")
        await store.close()
        again = await opener()
        expected = [Pilot(pilot, AGLT2, "schedd", PilotState.PLANNED, NOW, NOW) for pilot in pilots]
        assert await again.live() == expected
        assert await again.find(pilots) == {pilot.id: pilot for pilot in expected}
        await again.close()

    async def test_a_cycle_is_kept_with_its_whole_trace(self, store: Store) -> None:
        cycle = a_cycle(planned=3)
        number = await store.plan(cycle, pilot_ids(3), "schedd")
        assert await store.cycle(AGLT2) == replace(cycle, id=number)
        assert await store.cycle(AGLT2, number) == replace(cycle, id=number)

    async def test_unknown_numbers_stay_unknown(self, store: Store) -> None:
        blocked = Decision(rule="ready").block("no answer from wms.panda for 700 s")
        cycle = CycleRecord(QueueState(AGLT2, NOW), (), blocked, note="store: locked")
        number = await store.plan(cycle, [], "schedd")
        assert await store.cycle(AGLT2) == replace(cycle, id=number)
        assert await store.samples(NOW) == [Sample(NOW, AGLT2, JobCounts(), None, 0, 0)]

    async def test_a_plan_is_kept_as_a_whole_or_not_at_all(self, store: Store) -> None:
        old, new = pilot_ids(2)
        await store.plan(a_cycle(), [old], "schedd")
        with pytest.raises(ValueError):
            await store.plan(a_cycle(BNL), [new, old], "schedd")
        assert [pilot.id for pilot in await store.live()] == [old]
        assert await store.cycle(BNL) is None
        assert await store.transitions(new) == []

    # --- changes

    async def test_changes_apply_in_order(self, store: Store) -> None:
        [pilot] = pilot_ids(1)
        await store.plan(a_cycle(), [pilot], "schedd")
        await store.record(
            [
                Transition(pilot, NOW + MINUTE, PilotState.PENDING, batch_id=BatchId("7.0")),
                Transition(pilot, NOW + 2 * MINUTE, PilotState.HELD, "no disk"),
                Transition(
                    pilot, NOW + 3 * MINUTE, PilotState.RUNNING, host="n1", started_at=NOW + 3 * MINUTE
                ),
            ]
        )
        [found] = await store.live()
        assert (found.state, found.batch_id, found.host) == (PilotState.RUNNING, "7.0", "n1")
        assert (found.reason, found.started_at) == ("", NOW + 3 * MINUTE)
        assert await store.transitions(pilot) == [
            StoredTransition(NOW, None, PilotState.PLANNED, ""),
            StoredTransition(NOW + MINUTE, PilotState.PLANNED, PilotState.PENDING, ""),
            StoredTransition(NOW + 2 * MINUTE, PilotState.PENDING, PilotState.HELD, "no disk"),
            StoredTransition(NOW + 3 * MINUTE, PilotState.HELD, PilotState.RUNNING, ""),
        ]

    async def test_what_is_stored_is_what_the_changes_make_in_memory(self, store: Store) -> None:
        [name] = pilot_ids(1)
        await store.plan(a_cycle(), [name], "schedd")
        [mine] = await store.live()
        lives = [
            Transition(name, NOW + MINUTE, PilotState.PENDING, batch_id=BatchId("7.0")),
            Transition(name, NOW + 2 * MINUTE, PilotState.LOST, "gone", cause=EndCause.VANISHED, empty=False),
            Transition(name, NOW + 3 * MINUTE, PilotState.RUNNING, "there after all", host="n1"),
            Transition(name, NOW + 4 * MINUTE, PilotState.RUNNING, "told to end", retiring=True, releases=2),
            Transition(
                name,
                NOW + 6 * MINUTE,
                PilotState.FAILED,
                "killed",
                ended_at=NOW + 5 * MINUTE,
                cause=EndCause.SIGNAL,
                signal=9,
                wall_s=120.5,
                empty=True,
            ),
            Transition(name, NOW + 7 * MINUTE, PilotState.FAILED, "it says now", exit_code=137),
        ]
        for change in lives:
            mine.apply(change)
            await store.record([change])
            assert await store.find([name]) == {name: mine}
            assert await store.live() == ([mine] if mine.state.is_live else [])

    async def test_an_unknown_pilot_keeps_all_changes_from_being_applied(self, store: Store) -> None:
        known, unknown = pilot_ids(2)
        await store.plan(a_cycle(), [known], "schedd")
        changes = [Transition(pilot, NOW, PilotState.PENDING) for pilot in (known, unknown)]
        with pytest.raises(KeyError, match=unknown):
            await store.record(changes)
        [found] = await store.live()
        assert found.state is PilotState.PLANNED
        assert len(await store.transitions(known)) == 1

    async def test_thousands_of_changes_at_once(self, store: Store) -> None:
        pilots = pilot_ids(1203)
        await store.plan(a_cycle(planned=1203), pilots, "schedd")
        await store.record([Transition(pilot, NOW, PilotState.PENDING) for pilot in pilots])
        await store.record([Transition(pilot, NOW, PilotState.DONE) for pilot in reversed(pilots[:1100])])
        assert [pilot.id for pilot in await store.live()] == pilots[1100:]
        found = await store.find([*pilots, *pilot_ids(3, seed=2)])
        assert set(found) == set(pilots)
        assert {found[pilot].state for pilot in pilots[:1100]} == {PilotState.DONE}

    async def test_nothing_to_do_is_done(self, store: Store) -> None:
        await store.record([])
        await store.adopt([])
        await store.save_health([])
        assert await store.find([]) == {}
        assert await store.live() == []
        assert await store.latest() == {}

    async def test_calls_at_once_do_not_disturb_each_other(self, store: Store) -> None:
        pilots = pilot_ids(20)
        await store.plan(a_cycle(), pilots, "schedd")
        await asyncio.gather(*(store.record([Transition(p, NOW, PilotState.PENDING)]) for p in pilots))
        assert {pilot.state for pilot in await store.live()} == {PilotState.PENDING}

    # --- adoption

    async def test_adopted_pilots_are_kept_as_they_are(self, store: Store) -> None:
        known, found = pilot_ids(2)
        await store.plan(a_cycle(), [known], "schedd")
        running = Pilot(
            found,
            BNL,
            "schedd",
            PilotState.RUNNING,
            NOW,
            NOW + MINUTE,
            BatchId("9.1"),
            NOW,
            reason="by its tag",
        )
        other = Pilot(known, BNL, "elsewhere", PilotState.HELD, NOW, NOW)
        await store.adopt([running, other])
        await store.adopt([running])
        assert await store.find([found]) == {found: running}
        [expected] = await store.pilots(PilotFilter(queue=AGLT2))
        assert (expected.id, expected.state) == (known, PilotState.PLANNED)
        assert await store.transitions(found) == [
            StoredTransition(NOW + MINUTE, None, PilotState.RUNNING, "by its tag")
        ]

    # --- asking

    async def test_pages_of_pilots_newest_first(self, store: Store) -> None:
        old, new = pilot_ids(5), pilot_ids(5, NOW + MINUTE)
        await store.plan(a_cycle(), old, "schedd")
        await store.plan(a_cycle(BNL, NOW + MINUTE), new, "schedd")
        await store.record(
            [Transition(old[0], NOW, PilotState.DONE), Transition(new[0], NOW, PilotState.PENDING)]
        )

        async def names(which: PilotFilter) -> list[PilotId]:
            return [pilot.id for pilot in await store.pilots(which)]

        newest_first = [*reversed(new), *reversed(old)]
        assert await names(PilotFilter()) == newest_first
        assert await names(PilotFilter(limit=3)) == newest_first[:3]
        assert await names(PilotFilter(limit=3, after=newest_first[2])) == newest_first[3:6]
        assert await names(PilotFilter(queue=AGLT2, after=old[2])) == [old[1], old[0]]
        assert await names(PilotFilter(since=NOW + MINUTE)) == newest_first[:5]
        assert await names(PilotFilter(states=frozenset({PilotState.DONE}))) == [old[0]]
        pending_or_done = frozenset({PilotState.DONE, PilotState.PENDING})
        assert await names(PilotFilter(states=pending_or_done)) == [new[0], old[0]]
        assert await names(PilotFilter(states=frozenset({PilotState.PENDING}), queue=BNL)) == [new[0]]
        assert await names(PilotFilter(queue=QueueName("nobody's"))) == []

    async def test_outcomes_are_of_accepted_pilots_oldest_first(self, store: Store) -> None:
        names = pilot_ids(7)
        await store.plan(a_cycle(), names, "schedd")
        endings = [
            Transition(
                names[6], NOW + 1 * MINUTE, PilotState.DONE, cause=EndCause.EXIT, wall_s=60, empty=False
            ),
            Transition(
                names[5], NOW + 2 * MINUTE, PilotState.FAILED, cause=EndCause.EXIT, exit_code=1, empty=False
            ),
            Transition(
                names[4], NOW + 3 * MINUTE, PilotState.FAILED, cause=EndCause.EXIT, exit_code=80, empty=True
            ),
            Transition(names[3], NOW + 4 * MINUTE, PilotState.LOST, cause=EndCause.VANISHED),
            Transition(names[2], NOW + 5 * MINUTE, PilotState.REMOVED, cause=EndCause.CANCELLED),
            Transition(names[1], NOW + 5 * MINUTE, PilotState.FAILED, cause=EndCause.REFUSED),
            Transition(names[0], NOW + 5 * MINUTE, PilotState.FAILED, cause=EndCause.UNSENT),
        ]
        await store.record(endings)
        ended = await store.find(names)
        expected = [
            outcome(ended[names[6]]),
            outcome(ended[names[5]], failed=True),
            outcome(ended[names[4]], empty=True),
            outcome(ended[names[3]], failed=True),
            outcome(ended[names[2]]),
        ]
        assert await store.outcomes(AGLT2, NOW) == expected
        assert await store.outcomes(AGLT2, NOW, limit=2) == expected[-2:]
        assert await store.outcomes(AGLT2, NOW + 2 * MINUTE) == expected[1:]
        assert await store.outcomes(BNL, NOW) == []

    async def test_endings_are_counted(self, store: Store) -> None:
        names = pilot_ids(4)
        await store.plan(a_cycle(), names[:3], "schedd")
        await store.plan(a_cycle(BNL), names[3:], "schedd")
        done = (PilotState.DONE, EndCause.EXIT, False)
        lost = (PilotState.LOST, None, None)
        await store.record([Transition(p, NOW, done[0], cause=done[1], empty=False) for p in names[:2]])
        await store.record([Transition(names[3], NOW + MINUTE, lost[0])])
        assert await store.endings(NOW) == {done: 2, lost: 1}
        assert await store.endings(NOW, AGLT2) == {done: 2}
        assert await store.endings(NOW + MINUTE) == {lost: 1}

    async def test_cycles_newest_first_and_the_newest_of_each_queue(self, store: Store) -> None:
        numbers = [await store.plan(a_cycle(AGLT2, NOW + i * MINUTE, i), [], "schedd") for i in range(5)]
        other = await store.plan(a_cycle(BNL, NOW - MINUTE), [], "schedd")
        assert len({*numbers, other}) == 6
        assert [cycle.id for cycle in await store.cycles(AGLT2, 3)] == numbers[:1:-1]
        assert {queue: cycle.id for queue, cycle in (await store.latest()).items()} == {
            AGLT2: numbers[-1],
            BNL: other,
        }
        assert await store.cycle(BNL, numbers[0]) is None
        assert await store.cycle(QueueName("nobody's")) is None

    async def test_samples_oldest_first(self, store: Store) -> None:
        cycles = [a_cycle(queue, NOW + i * MINUTE, i) for i, queue in enumerate((AGLT2, BNL, AGLT2))]
        for cycle in cycles:
            await store.plan(cycle, [], "schedd")
        expected = [
            Sample(c.at, c.queue, c.state.jobs, c.state.pilots, c.decision.submit, c.planned) for c in cycles
        ]
        assert await store.samples(NOW) == expected
        assert await store.samples(NOW + MINUTE) == expected[1:]
        assert await store.samples(NOW, AGLT2) == expected[::2]

    async def test_health_is_kept_by_name(self, store: Store, opener: Opener) -> None:
        well = EndpointHealth("wms.panda", ok_at=NOW)
        ill = EndpointHealth("batch.schedd", NOW - MINUTE, "refused", NOW, 3, NOW + MINUTE)
        await store.save_health([well, replace(ill, failures=2)])
        await store.save_health([ill])
        assert await store.health() == {"wms.panda": well, "batch.schedd": ill}
        await store.close()
        again = await opener()
        assert await again.health() == {"wms.panda": well, "batch.schedd": ill}
        await again.close()

    # --- forgetting

    async def test_pruning_forgets_the_ended_and_never_the_live(self, store: Store) -> None:
        names = pilot_ids(4)
        await store.plan(a_cycle(), names, "schedd")
        await store.record(
            [
                Transition(names[0], NOW, PilotState.DONE),
                Transition(names[1], NOW + MINUTE, PilotState.DONE),
                Transition(names[2], NOW, PilotState.RUNNING),
            ]
        )
        assert await store.prune(NOW + MINUTE, NOW) == 1
        assert set(await store.find(names)) == set(names[1:])
        assert await store.transitions(names[0]) == []
        assert len(await store.transitions(names[1])) == 2

    async def test_pruning_keeps_the_newest_cycle_of_each_queue(self, store: Store) -> None:
        for i in range(3):
            await store.plan(a_cycle(AGLT2, NOW + i * MINUTE), [], "schedd")
        await store.plan(a_cycle(BNL, NOW), [], "schedd")
        assert await store.prune(NOW, NOW + 10 * MINUTE) == 2
        assert {q: c.at for q, c in (await store.latest()).items()} == {AGLT2: NOW + 2 * MINUTE, BNL: NOW}
        assert len(await store.samples(NOW)) == 2

    # --- hostile input

    @pytest.mark.parametrize(
        "text", ["a\0b", "\udc80 no text", "x" * 1_000_000, "'; DROP TABLE pilots; --", "€ 🙂 %s"]
    )
    async def test_texts_from_outside_are_kept_or_cut_but_never_break_the_store(
        self, store: Store, text: str
    ) -> None:
        [name] = pilot_ids(1)
        await store.plan(
            replace(a_cycle(), note=text, inputs=(InputAge("wms.panda", 1.0, text),)), [name], "s"
        )
        await store.record(
            [Transition(name, NOW, PilotState.HELD, reason=text, host=text, batch_id=BatchId(text))]
        )
        await store.save_health([EndpointHealth("wms.panda", error=text)])
        [pilot] = await store.live()
        cycle = await store.cycle(AGLT2)
        assert cycle is not None
        kept = [
            pilot.reason,
            pilot.host,
            cycle.note,
            cycle.inputs[0].error,
            (await store.health())["wms.panda"].error,
        ]
        assert all(0 < len(one) <= 1000 for one in kept)
        if text.isprintable() and len(text) <= 1000:
            assert set(kept) == {text}

    async def test_closing_twice_is_harmless(self, store: Store) -> None:
        await store.close()
        await store.close()
