"""The real factory in a simulated world: work is done, caps hold, and nothing is lost or doubled."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from factory_stage import QUEUE, Stage, on_stage

from autopyfactory.api import PilotFilter, StoreUnavailable
from autopyfactory.model import FactoryId, Pilot, PilotState
from autopyfactory.sim.draw import constant


def test_waiting_jobs_become_pilots_and_end_well(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.running():
            await stage.until(4 * 3600)
            assert stage.work.done == 100
        states = await stage.states()
        assert set(states) == {PilotState.DONE}
        assert len(states) == stage.site.submitted[QUEUE]
        assert stage.site.doubled == []
        empty = [pilot.empty for pilot in await stage.store.pilots(PilotFilter(limit=1000))].count(True)
        assert empty <= 15

    on_stage(tmp_path, play, jobs=100)


def test_a_crash_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.slow_s = constant(20)
        running = stage.world.start(stage.factory())
        await stage.until(35)
        await stage.world.crash(running)
        assert stage.site.live_total > 0
        planned = [pilot for pilot in await stage.store.live() if pilot.state is PilotState.PLANNED]
        assert len(planned) == 10, "planned, sent, and the answer not yet there"
        second = stage.factory()
        running = stage.world.start(second)
        await stage.until(5 * 3600)
        second.stop()
        await running
        assert stage.work.done == 60
        assert stage.site.doubled == []
        assert len(await stage.states()) == stage.site.submitted[QUEUE]

    on_stage(tmp_path, play, jobs=60)


def test_a_lost_answer_is_looked_for_and_not_sent_again(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.reply_lost = 1
        factory = stage.factory()
        await factory.run(cycles=1)
        stage.site.faults.reply_lost = 0
        assert await stage.states() == [PilotState.PLANNED] * 10
        (record,) = await stage.factory().run(cycles=1)
        assert record.state.pilots is not None
        assert record.state.pilots.waiting == 10
        assert stage.site.submitted[QUEUE] == 10 + record.planned

    on_stage(tmp_path, play, jobs=60)


def test_what_never_arrived_is_closed_after_the_settling_time(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.request_lost = 1
        async with stage.running():
            await stage.until(60)
            assert await stage.states() == [PilotState.PLANNED] * 10
            await stage.until(600)
            assert PilotState.FAILED in await stage.states()
            assert stage.site.submitted[QUEUE] == 0

    on_stage(tmp_path, play, jobs=60)


@pytest.mark.parametrize("broken", ["wms", "batch"])
def test_unknown_submits_nothing_and_says_why(tmp_path: Path, broken: str) -> None:
    async def play(stage: Stage) -> None:
        faults = {"wms": (stage.world.wms.faults, "fails"), "batch": (stage.site.faults, "listing_fails")}
        owner, field = faults[broken]
        setattr(owner, field, 1.0)
        async with stage.running():
            await stage.until(900)
            record = await stage.store.cycle(QUEUE)
            assert record is not None
            assert (record.planned, record.decision.submit) == (0, 0)
            assert any("simulated" in source.error for source in record.inputs)
            assert (await stage.store.health())[
                f"{broken}.{'wms' if broken == 'wms' else 'site'}"
            ].failures > 2
            setattr(owner, field, 0.0)
            await stage.until(1500)
            assert stage.site.submitted[QUEUE] > 0, "it goes on by itself"

    on_stage(tmp_path, play, jobs=60)


def test_a_refused_submission_backs_off_and_keeps_the_error(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.submit_rejected = 1
        async with stage.running():
            await stage.until(3600)
            refused = await stage.store.pilots(PilotFilter(limit=1000))
            assert {pilot.state for pilot in refused} == {PilotState.FAILED}
            assert all("takes no submissions" in pilot.reason for pilot in refused)
            assert len(refused) <= 8 * 10, "thirty cycles passed, but it backed off"
            record = await stage.store.cycle(QUEUE)
            assert record is not None
            assert "backs off" in record.note

    on_stage(tmp_path, play, jobs=60)


def test_a_pilot_that_vanishes_is_unknown_then_lost_then_taken_back(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.work.payload_s = constant(36_000)
        async with stage.running():
            await stage.until(300)
            stage.site.faults.forgotten_share = 1
            await stage.until(600)
            assert set(await stage.states()) == {PilotState.UNKNOWN}
            await stage.until(3700)
            assert set(await stage.states()) == {PilotState.LOST}
            stage.site.faults.forgotten_share = 0
            await stage.until(300)
            assert set(await stage.states()) == {PilotState.RUNNING}

    on_stage(tmp_path, play, jobs=10)


def test_a_pilot_that_the_store_does_not_know_is_adopted(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        pilots = stage.world._ids.make(stage.world.clock.now(), 5)
        stage.site.create(FactoryId("sim"), stage.config.queues[QUEUE].spec, pilots)
        (record,) = await stage.factory().run(cycles=1)
        assert record.state.pilots is not None
        assert record.state.pilots.waiting == 5
        assert await stage.states() == [PilotState.PENDING] * 5

    on_stage(tmp_path, play)


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        (record,) = await stage.factory().run(cycles=1, dry_run=True)
        assert (record.decision.submit, record.planned, stage.site.submitted[QUEUE]) == (10, 0, 0)
        assert "dry run" in record.note

    on_stage(tmp_path, play, jobs=60)


def test_stop_waits_for_a_submission_under_way(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.slow_s = constant(30)
        async with stage.running():
            await stage.until(50)
            assert PilotState.PLANNED in await stage.states()
        assert set(await stage.states()) == {PilotState.PENDING}

    on_stage(tmp_path, play, jobs=60)


def test_a_pilot_whose_adoption_the_store_did_not_confirm_is_watched(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        pilots = stage.world._ids.make(stage.world.clock.now(), 3)
        stage.site.create(FactoryId("sim"), stage.config.queues[QUEUE].spec, pilots)
        factory = stage.factory()
        adopt = stage.store.adopt

        async def adopt_unconfirmed(adopted: Sequence[Pilot]) -> None:
            await adopt(adopted)
            stage.store.adopt = adopt  # type: ignore[method-assign]
            raise StoreUnavailable("connection lost at the commit")

        stage.store.adopt = adopt_unconfirmed  # type: ignore[assignment]
        running = stage.world.start(factory)
        await stage.until(3600)
        factory.stop()
        await running
        assert await stage.states() == [PilotState.DONE] * 3

    on_stage(tmp_path, play)
