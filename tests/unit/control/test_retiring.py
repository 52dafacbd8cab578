"""An operator has pilots removed: those that were chosen, once, and none that has begun to work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from factory_stage import QUEUE, START, Stage, on_stage, step

from autopyfactory.api import PilotFilter
from autopyfactory.control import Factory
from autopyfactory.control.retiring import retire
from autopyfactory.model import AuditEntry, Override, OverrideKind, Pilot, PilotState, Retirement
from autopyfactory.sim.draw import constant
from autopyfactory.sim.world import queue_config, world_config
from autopyfactory.testkit.store import pilot_ids

REMOVED = PilotFilter(states=frozenset({PilotState.REMOVED}))


@asynccontextmanager
async def running(stage: Stage, *, dry_run: bool = False) -> AsyncIterator[Factory]:
    """Run a factory that heeds operators, and stop it in good order."""
    factory = stage.world.factory(stage.config, stage.store, overrides=stage.store)
    run = asyncio.create_task(factory.run(dry_run=dry_run))
    yield factory
    factory.stop()
    await run


async def thirty_pilots(stage: Stage) -> None:
    """Let twenty pilots run and ten wait for long, and submit no others."""
    stage.work.payload_s = constant(36_000)
    chain = [step("keep_n_running", keep_running=30)]
    stage.config = world_config([queue_config(QUEUE, chain)])
    async with running(stage):
        await stage.until(600)
    assert (stage.site.running_total, stage.site.live_total) == (20, 30)
    drained = Override(QUEUE, OverrideKind.DRAINED, "ann", START)
    await stage.store.set_override(QUEUE, drained, entry("drain", QUEUE, ""))


def entry(action: str, target: str, detail: str) -> AuditEntry:
    return AuditEntry(START, "ann", action, target, detail, "test")


async def ordered(stage: Stage, most: int, *, running: bool = False) -> list[Pilot]:
    return await retire(stage.store, QUEUE, most, entry, running=running, why="nodes")


async def removed(stage: Stage) -> set[str]:
    return {pilot.id for pilot in await stage.store.pilots(REMOVED)}


def test_the_newest_that_wait_are_removed_once_and_the_order_is_on_record(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await thirty_pilots(stage)
        waiting = await stage.store.pilots(PilotFilter(states=frozenset({PilotState.PENDING})))
        async with running(stage):
            chosen = await ordered(stage, 4)
            assert chosen == waiting[:4]
            await stage.until(300)
            assert await removed(stage) == {pilot.id for pilot in chosen}
            await stage.until(6 * 3600)
        assert await removed(stage) == {pilot.id for pilot in chosen}
        assert (stage.site.running_total, stage.site.live_total) == (20, 26)
        assert await stage.store.retirements() == {}
        reasons = [change.reason for change in await stage.store.transitions(chosen[0].id)]
        assert "retired by ann: nodes" in reasons
        (last, *_) = await stage.store.audit()
        assert (last.action, last.target, last.detail) == ("retire", QUEUE, "4 of 4 waiting pilots: nodes")

    on_stage(tmp_path, play, jobs=40)


def test_an_order_is_heeded_by_the_factory_that_comes_next(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await thirty_pilots(stage)
        first, second = await ordered(stage, 4), await ordered(stage, 4)
        assert not {pilot.id for pilot in first} & {pilot.id for pilot in second}, (
            "two orders for eight pilots"
        )
        async with running(stage):
            await stage.until(300)
        assert await removed(stage) == {pilot.id for pilot in [*first, *second]}

    on_stage(tmp_path, play, jobs=40)


def test_a_pilot_that_starts_meanwhile_is_left_to_its_work(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await thirty_pilots(stage)
        chosen = {pilot.id for pilot in await ordered(stage, 10)}
        ran = await stage.store.pilots(PilotFilter(states=frozenset({PilotState.RUNNING})))
        gone = {pilot.id for pilot in ran[:6]}
        await stage.world.batch(stage.config)["site"].cancel(gone)
        await stage.until(600)
        assert (stage.site.running_total, stage.site.live_total) == (20, 24), (
            "six of those chosen have started"
        )
        async with running(stage):
            await stage.until(600)
        assert gone < await removed(stage)
        assert len(await removed(stage) & chosen) == 4
        assert (stage.site.running_total, stage.site.live_total) == (20, 20)

    on_stage(tmp_path, play, jobs=40)


@pytest.mark.parametrize(
    ("flag", "n_removed", "detail"), [(False, 10, "waiting"), (True, 14, "waiting or running")]
)
def test_pilots_that_run_go_only_if_that_is_asked_for(
    flag: bool, n_removed: int, detail: str, tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        await thirty_pilots(stage)
        chosen = await ordered(stage, 14, running=flag)
        assert len(chosen) == n_removed
        assert [pilot.state for pilot in chosen] == [PilotState.PENDING] * 10 + [PilotState.RUNNING] * (
            n_removed - 10
        )
        async with running(stage):
            await stage.until(600)
        assert await removed(stage) == {pilot.id for pilot in chosen}
        assert (await stage.store.audit())[0].detail == f"{n_removed} of 14 {detail} pilots: nodes"

    on_stage(tmp_path, play, jobs=40)


def test_a_dry_run_removes_nothing(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await thirty_pilots(stage)
        await ordered(stage, 4)
        async with running(stage, dry_run=True):
            await stage.until(600)
        assert stage.site.live_total == 30
        assert len(await stage.store.retirements()) == 4

    on_stage(tmp_path, play, jobs=40)


def test_a_queue_without_pilots_that_wait(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert await ordered(stage, 4) == []
        assert (await stage.store.audit())[0].detail == "0 of 4 waiting pilots: nodes"

    on_stage(tmp_path, play)


def test_the_reason_names_who_ordered_it() -> None:
    (pilot,) = pilot_ids(1)
    assert Retirement(pilot, START, "ann", START).reason == "retired by ann"
    assert Retirement(pilot, START, "ann", START, "disk").reason == "retired by ann: disk"
