"""Notices in a simulated world: what goes wrong there is told once, and its end is told once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from factory_stage import step
from notice_scene import HOUR_S, Scene, on_scene, with_notify

from autopyfactory.control import findings
from autopyfactory.model import WmsQueue
from autopyfactory.sim.draw import constant
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import queue_config, world_config


async def run_for(scene: Scene, *hours: float, between: Callable[[], None] = lambda: None) -> list[list[str]]:
    """Run a factory, and return what was told by each of these times."""
    factory = scene.factory()
    running = scene.world.start(factory)
    told = []
    for n, span in enumerate(hours):
        if n:
            between()
        await scene.later(span)
        told.append(list(scene.pigeon.told))
    factory.stop()
    await running
    assert scene.pigeon.closed == 1
    return told


def test_a_queue_that_starves_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 500
        before, during, after = await run_for(scene, 1, 1.9, 2)
        assert before == []
        (title,) = during
        assert title.startswith("sim: queue.BNL starves: 500 jobs are ready, no pilot runs (20 wait)")
        (_, title) = after
        assert title.startswith("sim: resolved: queue.BNL starves")

    on_scene(tmp_path, play, SiteSettings(slots=20, queue_latency_s=constant(3 * HOUR_S)))


def test_queues_that_starve_together_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # fewer than there are cycles at one instant
    monkeypatch.setattr(findings, "_AT_ONCE", 2)

    async def play(scene: Scene) -> None:
        names = ["AGLT2", "BNL", "CERN"]
        queues = [queue_config(name, [step("ready"), step("max_pending", maximum=5)]) for name in names]
        scene.config = with_notify(world_config(queues), ops={})
        for name in names:
            scene.world.wms.queues[WmsQueue(name)] = Work(payload_s=constant(600), ready=10)
        during, after = await run_for(scene, 2.9, 2)
        assert during == ["sim: 3 new"]
        assert after[1:] == ["sim: 3 resolved"]

    on_scene(tmp_path, play, SiteSettings(slots=20, queue_latency_s=constant(3 * HOUR_S)))


def test_a_black_hole_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.config = with_notify(scene.config, ops={"repeat_s": 12 * HOUR_S})
        scene.work.ready = 10_000
        during, after = await run_for(scene, 2, 7, between=scene.repair)
        (title,) = during
        assert title.startswith("sim: node node000.sim: ")
        (_, title) = after
        assert title.startswith("sim: resolved: node node000.sim: ")

    on_scene(tmp_path, play, SiteSettings(slots=24, black_holes=1))


def test_submissions_that_are_refused_are_told_once_and_their_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 10_000
        scene.site.faults.submit_rejected = 1

        def takes_them_again() -> None:
            scene.site.faults.submit_rejected = 0

        during, after = await run_for(scene, 0.4, 2, between=takes_them_again)
        (title,) = during
        assert title.startswith("sim: queue.BNL: ")
        assert "submissions failed in a row, backing off" in title
        (_, title) = after
        assert title.startswith("sim: resolved: queue.BNL: ")

    on_scene(tmp_path, play)


def test_a_breaker_that_opens_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 10_000
        during, after = await run_for(scene, 0.9, 4, between=scene.repair)
        (title,) = during
        assert title.startswith("sim: queue.BNL: the breaker is open")
        (_, title) = after
        assert title.startswith("sim: resolved: queue.BNL: the breaker is open")

    rules = [step("ready"), step("max_pending", maximum=20), step("breaker")]
    on_scene(tmp_path, play, SiteSettings(slots=20, slots_per_node=1, failed_share=1), rules)
