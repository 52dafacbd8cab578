"""A history that does not answer: listings stay good, and nothing counts for ever."""

from dataclasses import replace
from pathlib import Path

from factory_stage import QUEUE, SITE, Stage, on_stage, step

from autopyfactory.api import PilotFilter
from autopyfactory.model import EndCause, PilotState
from autopyfactory.sim.draw import constant
from autopyfactory.sim.world import queue_config, world_config


async def _busy_site_without_history(stage: Stage) -> None:
    """Let ten pilots start, take the history away, and have all of them end."""
    stage.work.payload_s = constant(1200)
    await stage.until(300)
    assert stage.site.running_total == 10
    stage.site.faults.history_fails = 1
    stage.work.ready = 0
    await stage.until(1500)
    assert stage.site.live_total == 0


def test_work_goes_on_and_missing_pilots_count_until_the_history_answers(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.running():
            await _busy_site_without_history(stage)
            assert set(await stage.states()) == {PilotState.RUNNING}
            health = await stage.store.health()
            assert not health["batch.site"].error
            assert "history does not answer" in health["batch.site.history"].error
            stage.world.wms.add(next(iter(stage.world.wms.queues)), 3)
            await stage.until(300)
            assert stage.site.live_total == 3, "the listing alone is enough to submit"
            stage.site.faults.history_fails = 0
            await stage.until(1500)
            assert (await stage.states()).count(PilotState.DONE) >= 10
            assert not (await stage.store.health())["batch.site.history"].error

    on_stage(tmp_path, play, jobs=10)


def test_without_a_history_the_grace_time_decides(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.running():
            await _busy_site_without_history(stage)
            await stage.until(2 * 3600)
            pilots = await stage.store.pilots(PilotFilter())
            assert {pilot.state for pilot in pilots} == {PilotState.LOST}
            assert {pilot.cause for pilot in pilots} == {EndCause.VANISHED}

    on_stage(tmp_path, play, jobs=10)


def test_nothing_is_removed_as_surplus_while_endings_are_unknown(tmp_path: Path) -> None:
    async def keep(stage: Stage, pilots: int, seconds: float) -> None:
        stage.config = world_config([queue_config(QUEUE, [step("keep_n_running", keep_running=pilots)])])
        async with stage.running():
            await stage.until(seconds)

    async def play(stage: Stage) -> None:
        stage.work.payload_s = constant(1200)
        await keep(stage, 10, 300)
        stage.site.settings = replace(SITE, queue_latency_s=constant(36_000))
        await keep(stage, 15, 300)
        assert (stage.site.running_total, stage.site.live_total) == (10, 15)
        stage.site.faults.history_fails = 1
        stage.work.ready = 0
        await keep(stage, 15, 1500)
        await keep(stage, 10, 900)
        assert (stage.site.running_total, stage.site.live_total) == (0, 5), "ten of fifteen have ended unseen"
        stage.site.faults.history_fails = 0
        await keep(stage, 10, 900)
        assert stage.site.live_total == 10

    on_stage(tmp_path, play, jobs=10)
