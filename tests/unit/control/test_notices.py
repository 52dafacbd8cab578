"""Telling operators while the factory runs: told once, whatever becomes of factory, store and notifiers."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from factory_stage import step
from notice_scene import BNL, HOUR_S, Pigeon, Scene, on_scene, with_notify

from autopyfactory.api import BatchUnavailable, NotifyFailed, PilotFilter, StoreUnavailable
from autopyfactory.control import Factory
from autopyfactory.control.ownership import Ownership
from autopyfactory.model import AuditEntry, NoticeKind, Override, OverrideKind
from autopyfactory.sim.draw import constant
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.world import queue_config, world_config
from autopyfactory.store import SqlStore

DOWN, BACK = "sim: wms.wms gives no usable answer", "sim: resolved: wms.wms gives no usable answer"


def wms_fails(scene: Scene, probability: float = 1) -> None:
    scene.world.wms.faults.fails = probability


def told(pigeon: Pigeon) -> list[str]:
    """Return what was told, without the details."""
    return [title.split(" (")[0] for title in pigeon.told]


class Running:
    """A factory of a scene that runs."""

    def __init__(self, scene: Scene, factory: Factory | None = None) -> None:
        self._scene = scene
        self.factory = factory or scene.factory()
        self._task = scene.world.start(self.factory)

    async def stop(self) -> float:
        """Stop it in good order; return how many seconds that took."""
        clock = self._scene.world.clock
        began = clock.now()
        self.factory.stop()
        await self._task
        return (clock.now() - began).total_seconds()

    async def crash(self) -> None:
        await self._scene.world.crash(self._task)


def test_an_endpoint_that_is_down_is_told_once_repeated_and_its_end_told(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        running = Running(scene)
        await scene.later(0.1)
        wms_fails(scene)
        await scene.later(1)
        assert told(scene.pigeon) == [DOWN]
        look = await scene.store.notice_look()
        assert [notice.kind for notice in look.notices] == [NoticeKind.ENDPOINT_DOWN]
        await scene.later(4)
        assert told(scene.pigeon) == [DOWN, "sim: still: wms.wms gives no usable answer"]
        wms_fails(scene, 0)
        await scene.later(1)
        assert told(scene.pigeon)[2:] == [BACK]
        assert (await scene.store.notice_look()).notices == ()
        assert await running.stop() == 0

    on_scene(tmp_path, play)


@pytest.mark.parametrize("end", ["crash", "stop"])
def test_a_restart_tells_nothing_twice_and_the_end_of_what_was_told(tmp_path: Path, end: str) -> None:
    async def play(scene: Scene) -> None:
        first = Running(scene)
        wms_fails(scene)
        await scene.later(1)
        assert told(scene.pigeon) == [DOWN]
        await (first.crash() if end == "crash" else first.stop())
        other = Pigeon()
        second = Running(scene, scene.factory(other))
        await scene.later(1)
        assert told(other) == []
        await second.crash()
        wms_fails(scene, 0)
        third = Running(scene, scene.factory(other))
        await scene.later(1)
        assert told(other) == [BACK]
        await third.stop()

    on_scene(tmp_path, play)


def test_a_restart_ends_nothing_that_lasts(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.config = with_notify(scene.config, ops={"after_s": 0})
        scene.work.ready = 100
        first = Running(scene)
        await scene.later(1.5)
        assert told(scene.pigeon) == ["sim: queue.BNL starves: 100 jobs are ready, no pilot runs"]
        await first.crash()
        other = Pigeon()
        second = Running(scene, scene.factory(other))
        await scene.later(1)
        assert told(other) == []
        await second.stop()

    on_scene(tmp_path, play, SiteSettings(slots=20, queue_latency_s=constant(6 * HOUR_S)))


def test_what_was_not_sent_before_a_crash_is_sent_after_it(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        scene.pigeon.instead = asyncio.Event().wait
        first = Running(scene)
        wms_fails(scene)
        await scene.later(1)
        assert told(scene.pigeon) == []
        await first.crash()
        other = Pigeon()
        second = Running(scene, scene.factory(other))
        await scene.later(1)
        assert told(other) == [DOWN]
        await second.stop()

    on_scene(tmp_path, play)


async def _break() -> None:
    raise RuntimeError("a bug")


async def _misname() -> None:
    raise BatchUnavailable("not what the contract names")


@pytest.mark.parametrize("trouble", [asyncio.Event().wait, _break, _misname])
def test_a_notifier_that_hangs_or_breaks_holds_nothing_up(
    tmp_path: Path, trouble: Callable[[], Awaitable[Any]]
) -> None:
    async def play(scene: Scene) -> None:
        scene.work.ready = 40
        scene.pigeon.instead = trouble
        running = Running(scene)
        await scene.later(0.1)
        wms_fails(scene)
        await scene.later(1)
        wms_fails(scene, 0)
        scene.work.ready += 20
        await scene.later(3)
        assert scene.work.done == 60, "cycles go on"
        assert told(scene.pigeon) == []
        (channel,) = (await scene.store.notice_look()).channels.values()
        assert channel.trouble.startswith("notify.ops: ")
        assert channel.trouble.endswith("(2 messages wait)")
        assert await running.stop() <= 5

    on_scene(tmp_path, play)


def test_a_notifier_that_cannot_be_closed_keeps_nothing_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(self: Pigeon) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Pigeon, "close", hang)

    async def play(scene: Scene) -> None:
        running = Running(scene)
        await scene.later(0.1)
        assert await running.stop() <= 5

    on_scene(tmp_path, play)


def test_a_message_is_tried_again_until_it_gets_through(tmp_path: Path) -> None:
    async def away() -> None:
        raise NotifyFailed("the mail server is away")

    async def play(scene: Scene) -> None:
        scene.pigeon.instead = away
        running = Running(scene)
        wms_fails(scene)
        await scene.later(1)
        assert told(scene.pigeon) == []
        scene.pigeon.instead = None
        await scene.later(1)
        assert told(scene.pigeon) == [DOWN]
        await running.stop()

    on_scene(tmp_path, play)


def test_a_reload_adds_changes_and_removes_notifiers(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        running = Running(scene)
        factory = running.factory
        wms_fails(scene)
        await scene.later(1)
        assert told(scene.pigeon) == [DOWN]
        changed = with_notify(scene.config, ops={"repeat_s": 7200}, night={})
        assert factory.notifiers_to_build(scene.config) == set()
        assert factory.notifiers_to_build(changed) == {"ops", "night"}
        ops, night = Pigeon(), Pigeon()
        world = scene.world
        batch = world.batch(changed)
        assert await factory.reconfigure(changed, {"wms": world.wms}, batch, {"ops": ops, "night": night})
        assert scene.pigeon.closed == 1
        await scene.later(0.5)
        assert told(ops) == [], "what the old one told is known to the new one of its name"
        assert told(night) == [DOWN]
        without = with_notify(scene.config, night={})
        assert await factory.reconfigure(without, {"wms": world.wms}, batch, {})
        assert (ops.closed, night.closed) == (1, 0)
        wms_fails(scene, 0)
        await scene.later(1)
        assert told(night) == [DOWN, BACK]
        assert told(ops) == []
        assert (await scene.store.notice_look()).channels.keys() == {"night"}
        await running.stop()

    on_scene(tmp_path, play)


class Cuttable:
    """A store that is away at will."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.away = False
        self.goes_at = ""
        """The call in which it goes away, after it was carried out."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*given: Any, **named: Any) -> Any:
            if self.away:
                raise StoreUnavailable("the server is away")
            result = await method(*given, **named)
            if name == self.goes_at:
                self.away, self.goes_at = True, ""
                raise StoreUnavailable("the server went away")
            return result

        return call


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_store_that_is_away_is_told_once_and_its_return_once(tmp_path: Path, confirmed: bool) -> None:
    async def play(scene: Scene) -> None:
        store: Any = Cuttable(scene.store)
        scene.store = store
        running = Running(scene)
        await scene.later(0.1)
        if confirmed:
            store.away = True
        else:
            store.goes_at = "keep_look"
        await scene.later(1)
        (title,) = scene.pigeon.told
        assert title == "sim: the store cannot be used, nothing is submitted: the server is away"
        store.away = False
        await scene.later(1)
        assert scene.pigeon.told[1:] == [title.replace("sim:", "sim: resolved:")]
        await running.stop()

    on_scene(tmp_path, play)


def test_a_queue_that_operators_hold_back_does_not_starve(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        now = scene.world.clock.now()
        scene.work.ready = 100
        drained = Override(BNL, OverrideKind.DRAINED, "ann", now)
        await scene.store.set_override(BNL, drained, AuditEntry(now, "ann", "drain", BNL))
        factory = scene.factory()
        running = Running(scene, factory)
        await scene.later(3)
        assert scene.pigeon.told == []
        assert await scene.store.pilots(PilotFilter()) == []
        await running.stop()

    on_scene(tmp_path, play)


def sharing(scene: Scene, name: str, pigeon: Pigeon, store: SqlStore | None = None) -> Factory:
    """Return one of several factories on a store."""
    own = store or scene.store
    queues = [queue_config(queue, [step("ready")]) for queue in ("AGLT2", BNL)]
    config = with_notify(world_config(queues, factory={"shared": True, "lease_s": 60}), ops={})
    lease = Ownership(own, name, 60, asyncio.get_running_loop().time)
    return scene.world.factory(config, own, ownership=lease, notices=own, notifiers={"ops": pigeon})


@pytest.mark.parametrize("end", ["crash", "stop"])
def test_of_two_factories_one_tells_and_the_other_goes_on_from_there(tmp_path: Path, end: str) -> None:
    async def play(scene: Scene) -> None:
        wms_fails(scene)
        first_pigeon, second_pigeon = Pigeon(), Pigeon()
        first = Running(scene, sharing(scene, "first", first_pigeon))
        await scene.later(0.01)
        second = Running(scene, sharing(scene, "second", second_pigeon))
        await scene.later(0.4)
        assert (told(first_pigeon), told(second_pigeon)) == ([DOWN], [])
        await (first.crash() if end == "crash" else first.stop())
        await scene.later(0.4)
        assert told(second_pigeon) == [], "it knows what the first one told"
        wms_fails(scene, 0)
        await scene.later(0.4)
        assert told(second_pigeon) == [BACK]
        await second.stop()
        assert told(first_pigeon) == [DOWN]

    on_scene(tmp_path, play)


def test_one_that_lost_its_queues_says_nothing_when_it_comes_back(tmp_path: Path) -> None:
    async def play(scene: Scene) -> None:
        wms_fails(scene)
        cut: Any = Cuttable(scene.store)
        lonely, other = Pigeon(), Pigeon()
        first = Running(scene, sharing(scene, "first", lonely, cut))
        await scene.later(0.01)
        second = Running(scene, sharing(scene, "second", other))
        await scene.later(0.4)
        cut.away = True
        await scene.later(0.4)
        assert told(lonely)[1:] == ["sim: the store cannot be used, nothing is submitted: the server is away"]
        cut.away = False
        wms_fails(scene, 0)
        await scene.later(0.6)
        assert len(lonely.told) == 2
        assert told(other) == [BACK]
        await first.stop()
        await second.stop()

    on_scene(tmp_path, play)
