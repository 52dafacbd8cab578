"""A new configuration while the factory runs: only what differs is restarted, and nothing is lost."""

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import pytest
from factory_stage import CHAIN, QUEUE, SITE, Stage, on_stage, step

from autopyfactory.api import PilotFilter, StoreUnavailable
from autopyfactory.config.tree import Config
from autopyfactory.control import Factory
from autopyfactory.model import History, Outcome, Pilot, PilotState, QueueName, WmsQueue
from autopyfactory.sim.batch import SimBatch
from autopyfactory.sim.draw import constant
from autopyfactory.sim.site import SimSite
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import WMS, queue_config, world_config

OTHER = QueueName("CERN")


async def go_over(stage: Stage, factory: Factory, config: Config) -> None:
    assert await factory.reconfigure(config, {WMS: stage.world.wms}, stage.world.batch(config))


def test_a_queue_that_comes_and_one_that_goes(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.work.payload_s = constant(1800)
        stage.world.wms.queues[WmsQueue(OTHER)] = Work(payload_s=constant(600), ready=5)
        async with stage.running() as factory:
            await stage.until(300)
            assert stage.site.live_total > 10
            await go_over(stage, factory, world_config([queue_config(OTHER, CHAIN)]))
            before = stage.site.submitted[QUEUE]
            await stage.until(4 * 3600)
            assert stage.site.submitted[QUEUE] == before, "a removed queue submits nothing"
            assert stage.world.wms.queues[WmsQueue(OTHER)].done == 5
            assert set(await stage.states()) == {PilotState.DONE}, "and its pilots are watched to their end"

    on_stage(tmp_path, play, jobs=60)


def test_what_does_not_differ_goes_on_untouched(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.running() as factory:
            await stage.until(60)
            (cycle,) = factory._queues
            await go_over(stage, factory, world_config([queue_config(QUEUE, CHAIN)], batch={"timeout_s": 60}))
            assert next(iter(factory._queues)) is cycle
            assert factory.endpoints_to_build(stage.config) == set()
            changed = world_config([queue_config(QUEUE, [step("null")])], batch={"timeout_s": 60})
            await go_over(stage, factory, changed)
            assert next(iter(factory._queues)) is not cycle
            before = stage.site.submitted[QUEUE]
            await stage.until(900)
            assert stage.site.submitted[QUEUE] == before

    on_stage(tmp_path, play, jobs=60)


@pytest.mark.parametrize("slow", [0, 25])
def test_an_endpoint_that_changes_amid_a_submission_loses_nothing(tmp_path: Path, slow: float) -> None:
    async def play(stage: Stage) -> None:
        stage.site.faults.slow_s = constant(slow)
        async with stage.running() as factory:
            for timeout_s in (61, 62, 63, 64):
                await stage.until(40)
                await go_over(
                    stage,
                    factory,
                    world_config([queue_config(QUEUE, CHAIN)], batch={"timeout_s": timeout_s}),
                )
            await stage.until(4 * 3600)
            assert stage.work.done == 60
            assert stage.site.doubled == []
            assert len(await stage.states()) == stage.site.submitted[QUEUE]

    on_stage(tmp_path, play, jobs=60)


def test_a_thousand_reloads_leak_nothing(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        async with stage.running() as factory:

            async def reload(n: int) -> None:
                queues = [queue_config(QUEUE, CHAIN, interval_s=60 + n % 7)]
                if n % 2:
                    queues.append(queue_config(OTHER, CHAIN))
                await go_over(stage, factory, world_config(queues, batch={"timeout_s": 60 + n % 5}))
                await stage.until(3)

            await stage.until(1)
            for n in range(50):
                await reload(n)
            gc.collect()
            before = len(gc.get_objects())
            for n in range(1000):
                await reload(n)
            gc.collect()
            assert len(gc.get_objects()) - before < 2000, "two objects a reload would already be a leak"
        assert stage.site.doubled == []

    on_stage(tmp_path, play, jobs=60)


def test_an_endpoint_that_goes_amid_a_submission_and_comes_back_different(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        world = stage.world
        world.sites["other"] = SimSite(world.timeline, world.random, SITE, payloads=world.wms)
        stage.site.faults.slow_s = constant(25)
        factory = stage.factory()
        running = world.start(factory)
        elsewhere = world_config([queue_config(QUEUE, CHAIN, "other")])
        back = world_config([queue_config(QUEUE, CHAIN)], batch={"timeout_s": 90})
        await stage.until(40)
        for config in (elsewhere, back, elsewhere):
            await go_over(stage, factory, config)
            await stage.until(120)
            assert factory.endpoints >= {f"wms.{WMS}", *(f"batch.{name}" for name in config.batch)}
        assert "batch.site" in factory.endpoints, "pilots live there still"
        await stage.until(6 * 3600)
        assert (stage.work.done, stage.site.doubled, world.sites["other"].doubled) == (60, [], [])
        assert set(await stage.states()) == {PilotState.DONE}, "all are watched to their end"
        assert factory.endpoints == {f"wms.{WMS}", "batch.other"}, "what is idle is let go"
        await go_over(stage, factory, back)
        await stage.until(120)
        assert factory.endpoints >= {"batch.site"}, "and may come back"
        factory.stop()
        await running

    on_stage(tmp_path, play, jobs=60)


@pytest.mark.parametrize("cycles", [None, 2])
def test_one_that_has_not_begun_begins_with_the_other_configuration(
    tmp_path: Path, cycles: int | None
) -> None:
    async def play(stage: Stage) -> None:
        factory = stage.factory()
        await go_over(stage, factory, world_config([queue_config(OTHER, CHAIN)], batch={"timeout_s": 90}))
        running = asyncio.create_task(factory.run(cycles=cycles))
        await stage.until(300)
        assert set(await stage.store.latest()) == {OTHER}
        factory.stop()
        await running

    on_stage(tmp_path, play, jobs=60)


def test_one_that_reads_what_an_earlier_run_left_takes_it_once_it_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(stage: Stage) -> None:
        live = stage.store.live

        async def slow() -> list[Pilot]:
            await stage.world.clock.sleep(30)
            return await live()

        monkeypatch.setattr(stage.store, "live", slow)
        async with stage.running() as factory:
            await stage.until(10)
            await go_over(stage, factory, world_config([queue_config(OTHER, CHAIN)], batch={"timeout_s": 60}))
            await stage.until(300)
            assert set(await stage.store.latest()) == {OTHER}

    on_stage(tmp_path, play, jobs=60)


def test_one_that_ends_by_itself_or_has_ended_takes_none(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        for cycles in (2, None):
            factory = stage.factory()
            running = asyncio.create_task(factory.run(cycles=cycles))
            await stage.until(10)
            if cycles is None:
                factory.stop()
            assert not await factory.reconfigure(stage.config, {}, {})
            await running
            assert not await factory.reconfigure(stage.config, {}, {})

    on_stage(tmp_path, play)


HISTORY = [step("breaker", window=7200, minimum=5), *CHAIN]


def test_a_rule_that_looks_back_knows_at_once_what_an_earlier_run_left(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.site.settings = replace(SITE, failed_share=1)
        first = stage.factory()
        running = stage.world.start(first)
        await stage.until(900)
        first.stop()
        await running
        assert (await stage.states()).count(PilotState.FAILED) > 5
        second = stage.factory()
        running = stage.world.start(second)
        await stage.until(60)
        told: list[int] = []
        history = second._shared.roster.history
        second._shared.roster.history = lambda *given: _noting(told, history(*given))  # type: ignore[method-assign]
        await go_over(stage, second, world_config([queue_config(QUEUE, HISTORY)], batch={"timeout_s": 60}))
        await stage.until(1)
        ended = [p for p in await stage.store.pilots(PilotFilter(limit=1000)) if not p.state.is_live]
        assert told == [len(ended)]
        cycle = await stage.store.cycle(QUEUE)
        assert cycle is not None
        assert "breaker" in {reason.rule for reason in cycle.decision.reasons}
        second.stop()
        await running

    on_stage(tmp_path, play, jobs=200)


def _noting(told: list[int], history: History) -> History:
    told.append(len(history.outcomes))
    return history


def test_a_rule_that_looks_back_waits_for_a_store_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object) -> list[Outcome]:
        raise StoreUnavailable("away")

    async def play(stage: Stage) -> None:
        async with stage.running() as factory:
            await stage.until(60)
            with monkeypatch.context() as patched:
                patched.setattr(stage.store, "outcomes", away)
                await go_over(stage, factory, world_config([queue_config(QUEUE, HISTORY)]))
                before = await stage.store.cycle(QUEUE)
                await stage.until(600)
                assert await stage.store.cycle(QUEUE) == before
                assert "nothing is submitted: away" in caplog.text
            await stage.until(600)
            assert await stage.store.cycle(QUEUE) != before
            assert factory.store_trouble == ""

    on_stage(tmp_path, play, jobs=60)


def test_an_endpoint_that_cannot_be_closed_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(SimBatch, "close", fail)

    async def play(stage: Stage) -> None:
        async with stage.running() as factory:
            await stage.until(60)
            await go_over(stage, factory, world_config([queue_config(QUEUE, CHAIN)], batch={"timeout_s": 90}))
            await stage.until(4 * 3600)
            assert stage.work.done == 60

    on_stage(tmp_path, play, jobs=60)
