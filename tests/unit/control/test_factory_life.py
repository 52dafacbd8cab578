"""Pilots that are held, wait too long, or are too many; and submissions after failures."""

from dataclasses import replace
from pathlib import Path

import pytest
from factory_stage import CHAIN, QUEUE, SITE, Stage, on_stage, step

from autopyfactory.api import PilotFilter
from autopyfactory.model import EndCause, PilotState
from autopyfactory.sim.draw import constant
from autopyfactory.sim.world import queue_config, world_config

REMOVED = PilotFilter(states=frozenset({PilotState.REMOVED}))


def test_a_held_pilot_is_released_a_few_times_and_then_removed(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.settings = replace(SITE, held_share=1)
        async with stage.running():
            await stage.until(900)
            held = await stage.store.live()
            assert {pilot.state for pilot in held} == {PilotState.HELD}
            await stage.until(3 * 3600)
            first = (await stage.store.find([held[0].id]))[held[0].id]
            assert (first.state, first.releases, first.cause) == (PilotState.REMOVED, 3, EndCause.CANCELLED)
            assert first.ended_at is not None
            assert (first.ended_at - first.planned_at).total_seconds() > 600 + 1200 + 2400, (
                "each waited for longer"
            )

    on_stage(tmp_path, play, jobs=10)


def test_surplus_pilots_go_once_several_cycles_agree_and_never_those_that_run(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.work.payload_s = constant(36_000)
        stage.config = world_config([queue_config(QUEUE, [step("keep_n_running", keep_running=30)])])
        first = stage.factory()
        running = stage.world.start(first)
        await stage.until(600)
        assert (stage.site.running_total, stage.site.live_total) == (20, 30)
        first.stop()
        await running
        chain = [step("keep_n_running", keep_running=5)]
        stage.config = world_config([queue_config(QUEUE, chain, retire={"per_cycle": 4})])
        second = stage.factory()
        running = stage.world.start(second)
        await stage.until(300)
        assert stage.site.live_total == 30, "three cycles agree, and the next listing is to come"
        await stage.until(100)
        assert stage.site.live_total == 26, "four in a cycle"
        await stage.until(1800)
        assert (stage.site.running_total, stage.site.live_total) == (20, 20)
        removed = await stage.store.pilots(REMOVED)
        assert len(removed) == 10
        assert {pilot.started_at for pilot in removed} == {None}
        second.stop()
        await running

    on_stage(tmp_path, play, jobs=40)


def test_what_waits_for_nothing_is_removed_where_that_is_wanted(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.settings = replace(SITE, queue_latency_s=constant(7200))
        stage.config = world_config([queue_config(QUEUE, CHAIN, retire={"idle": True})])
        async with stage.running():
            await stage.until(300)
            assert stage.site.live_total == 10
            stage.work.ready = 0
            await stage.until(900)
            assert stage.site.live_total == 0

    on_stage(tmp_path, play, jobs=10)


def test_after_failures_one_pilot_is_sent_as_a_probe(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.submit_rejected = 1
        async with stage.running():
            await stage.until(30)
            stage.site.faults.submit_rejected = 0
            sizes = []
            for _ in range(4):
                await stage.until(120)
                sizes.append(stage.site.submitted[QUEUE])
            assert sizes[0] == 1, "half-open: one pilot"
            assert sizes[-1] > 5, "closed again"

    on_stage(tmp_path, play, jobs=60)


@pytest.mark.parametrize(
    ("life", "latency_s", "within_s"),
    [({"pending_max_s": 1800}, 7200, 1800 + 360), ({"running_max_s": 1800}, 30, 1800 + 480)],
    ids=["waits", "runs"],
)
def test_a_pilot_that_takes_too_long_is_removed(
    tmp_path: Path, life: dict[str, object], latency_s: float, within_s: float
) -> None:
    async def play(stage: Stage) -> None:
        stage.site.settings = replace(SITE, queue_latency_s=constant(latency_s))
        stage.work.payload_s = constant(36_000)
        stage.config = world_config([queue_config(QUEUE, CHAIN, life=life)])
        async with stage.running():
            await stage.until(within_s)
            assert len(await stage.store.pilots(REMOVED)) == 10

    on_stage(tmp_path, play, jobs=10)


def test_zombies_do_not_count_for_ever(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.settings = replace(SITE, queue_latency_s=constant(100_000))
        queue = queue_config(QUEUE, CHAIN, life={"pending_max_s": 600})
        stage.config = world_config([queue], batch={"max_pilots": 10})
        stage.site.faults.cancel_lost = 1
        async with stage.running():
            await stage.until(3000)
            assert stage.site.submitted[QUEUE] == 10
            await stage.until(2400)
            assert stage.site.submitted[QUEUE] > 10, (
                "cancelled for longer than the grace time, and still listed"
            )

    on_stage(tmp_path, play, jobs=60)
