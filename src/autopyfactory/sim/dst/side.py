"""One factory of a simulated world: it lives, dies and lives again."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from autopyfactory.api import AutoPyFactoryError
from autopyfactory.config.tree import Config
from autopyfactory.control import Factory
from autopyfactory.control.ownership import Ownership
from autopyfactory.model import CycleRecord
from autopyfactory.sim.dst.deaths import Death
from autopyfactory.sim.dst.lines import BatchLine, Life, StoreLine, WmsLine
from autopyfactory.sim.dst.scenario import Scenario
from autopyfactory.sim.dst.weather import WMS
from autopyfactory.sim.dst.witness import Witness
from autopyfactory.sim.faults import Luck, StoreFaults
from autopyfactory.sim.loop import VirtualLoop
from autopyfactory.sim.process import Process
from autopyfactory.sim.world import World
from autopyfactory.store import SqlStore, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
STOP_S = 1800
"""How long an orderly stop may take, whatever goes wrong."""
CHECK_EVERY_S = 600


@dataclass(slots=True)
class Running:
    """A factory that lives."""

    life: Life
    factory: Factory
    task: asyncio.Task[list[CycleRecord]]
    store: SqlStore
    operator: asyncio.Task[None]


class Side:
    """One of the factories of a world, which most of the time runs."""

    def __init__(
        self,
        number: int,
        deaths: tuple[Death, ...],
        scenario: Scenario,
        world: World,
        witness: Witness,
        file: Path,
        lives: Iterator[int],
    ) -> None:
        """Make one that does not run yet.

        ``number``: 0, or 1 for the second one on a store that is shared; ``lives`` numbers all lives.
        """
        self.number = number
        self.store_faults = StoreFaults()
        self.running: Running | None = None
        self.on_crash: Callable[[Side, Life], None] = _nobody
        """Told of a life that ended as by kill -9."""
        self._store_changes = 0
        self._deaths = deaths
        self._scenario = scenario
        self._world = world
        self._witness = witness
        self._file = file
        self._lives = lives
        self._clock = world.clock
        self._store_luck = Luck(Random(scenario.seed + number))

    # --- acts

    async def nasty_times(self) -> None:
        """Die and come back, as long as there are faults."""
        for death in self._deaths:
            if self._over():
                return
            await self.start(self._config, death)
            until_s = death.at if death.kind in ("time", "stop") else self._left_s()
            await self.live_on(min(until_s, self._left_s()))
            await self.bring_down(in_order=death.kind == "stop")
            await self._clock.sleep(min(death.away_s, self._left_s()))
        if not self._over():
            await self.start(self._config)
            await self.live_on(self._left_s())
            await self.bring_down(in_order=self._scenario.seed % 2 == 0)

    async def start(self, config: Config, death: Death | None = None) -> None:
        """Have a factory run from now on."""
        life = self._life(death)
        self._witness.note("start", f"life {life.number}")
        store = await open_store(f"sqlite:///{self._file}", config.factory_id, inline=True)
        line = StoreLine(store, life, self._witness, self.store_faults, self._store_luck, self._clock)
        self._witness.configured[life.number] = set(config.queues)
        wms, batch = self._lines(config, life)
        ownership = self._ownership(line, life)
        factory = self._world.factory(config, line, wms=wms, batch=batch, ownership=ownership)
        if life.process is None:
            task = self._world.start(factory)
            operator = asyncio.create_task(self._operate(factory, life), name="operator")
        else:
            task = life.process.start(factory.run(), "factory")
            operator = life.process.start(self._operate(factory, life), "operator")
        self.running = Running(life, factory, task, store, operator)
        if death is not None and death.kind == "step":
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)  # noqa: S101 - the clock has seen to it
            loop.set_alarm(loop.steps + 1 + int(death.at), life.end)

    @property
    def _config(self) -> Config:
        config, twins = self._scenario.config, self._scenario.twins
        if twins is None or not twins.split:
            return config
        return replace(config, queues=dict(list(config.queues.items())[self.number :: 2]))

    def disturb_store(self, **faults: object) -> None:
        """Set faults of its way to the store."""
        self._store_changes += 1
        for fault, value in faults.items():
            setattr(self.store_faults, fault, value)

    @property
    def well(self) -> tuple[Life, int, int] | None:
        """What stays equal for as long as it runs undisturbed; None where it does not at this moment."""
        running = self.running
        if running is None or running.task.done() or running.life.dead.is_set() or running.life.stands_still:
            return None
        serves = self.store_faults == StoreFaults()
        return (running.life, running.life.stops, self._store_changes) if serves else None

    def _life(self, death: Death | None) -> Life:
        dies_at = int(death.at) if death is not None and death.kind == "store" else None
        number, twins = next(self._lives), self._scenario.twins
        if twins is None:
            return Life(number, dies_at)
        mine = [stop for stop in twins.stops if stop.factory == self.number and stop.kind != "time"]
        stops = {(stop.kind, int(stop.at)): stop.for_s for stop in mine}
        return Life(number, dies_at, Process(), stops)

    def _ownership(self, line: StoreLine, life: Life) -> Ownership | None:
        twins = self._scenario.twins
        if twins is None:
            return None
        uptime, loop = twins.uptimes[self.number], asyncio.get_running_loop()
        return Ownership(
            line,
            f"life {life.number}",
            twins.lease_s,
            uptime_s=lambda: uptime.begin_s + uptime.rate * loop.time(),
        )

    def _lines(self, config: Config, life: Life) -> tuple[WmsLine, dict[str, BatchLine]]:
        """Return a factory's lines to the world."""
        wms = WmsLine(self._world.wms, life, self._witness, self._clock)
        batch = {
            name: BatchLine(name, system, life, self._witness, self._clock)
            for name, system in self._world.batch(config).items()
        }
        return wms, batch

    async def _operate(self, factory: Factory, life: Life) -> None:
        """Give a running factory another configuration now and then."""
        for at_s, config in sorted(self._scenario.reloads, key=lambda reload: reload[0]):
            if at_s < self._elapsed_s():
                continue
            await self._clock.sleep(at_s - self._elapsed_s())
            self._witness.note("reload", f"{len(config.queues)} queues")
            self._witness.configured[life.number] |= set(config.queues)
            wms, batch = self._lines(config, life)
            try:
                await factory.reconfigure(config, {WMS: wms}, batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                self._witness.violate("goes on by itself", f"reload failed: {_text(error)}")
            self._witness.note("reload", "done")
            self._witness.configured[life.number] = set(config.queues)

    async def live_on(self, seconds: float) -> None:
        """Return after that time, when the factory died, or after a violation."""
        running = self.running
        if running is None:
            return
        died = asyncio.ensure_future(running.life.dead.wait())
        end = self._clock.now().timestamp() + seconds
        while self._witness.violation is None and not running.life.dead.is_set() and not running.task.done():
            left_s = end - self._clock.now().timestamp()
            if left_s <= 0:
                break
            await asyncio.wait(
                {running.task, died}, timeout=min(left_s, CHECK_EVERY_S), return_when=asyncio.FIRST_COMPLETED
            )
        died.cancel()
        if running.task.done() and not running.life.dead.is_set():
            await self._fell(running)

    async def _fell(self, running: Running) -> None:
        """Tell why a factory has come to its end that nobody asked it to come to."""
        (result,) = await asyncio.gather(running.task, return_exceptions=True)
        if self._may_refuse_to_start(result):
            self._witness.note("start", f"refused: {result}")
        else:
            self._witness.violate("goes on by itself", f"the factory came to its end: {_text(result)}")

    def _may_refuse_to_start(self, result: object) -> bool:
        # without its store a factory does not start; whoever runs it starts it again
        faults = self.store_faults
        return isinstance(result, AutoPyFactoryError) and bool(
            faults.fails or faults.reply_lost or faults.cut
        )

    async def bring_down(self, *, in_order: bool) -> None:
        """End the factory that runs, if any: in good order, or as kill -9 does."""
        running, self.running = self.running, None
        if running is None:
            return
        if in_order and not running.life.dead.is_set() and self._witness.violation is None:
            self._witness.note("stop", f"life {running.life.number}")
            running.factory.stop()
            done, _ = await asyncio.wait({running.task}, timeout=STOP_S)
            if not done:
                self._witness.violate("stops when asked", f"it did not stop within {STOP_S} s")
            elif running.task.exception() is not None:
                await self._fell(running)
        else:
            self._witness.note("crash", f"life {running.life.number}")
            self.on_crash(self, running.life)
        running.life.end()
        if running.life.process is not None:
            running.life.process.go_on()
        running.operator.cancel()
        await asyncio.gather(running.operator, return_exceptions=True)
        await self._world.crash(running.task)
        await running.store.close()

    # --- how far it is

    def _elapsed_s(self) -> float:
        return (self._clock.now() - START).total_seconds()

    def _left_s(self) -> float:
        return max(0.0, self._scenario.nasty_s - self._elapsed_s())

    def _over(self) -> bool:
        return self._witness.violation is not None or self._left_s() <= 0


def _nobody(_: Side, _life: Life) -> None:
    """Nobody is to step in."""


def _text(result: object) -> str:
    if isinstance(result, BaseExceptionGroup):
        return "; ".join(_text(one) for one in result.exceptions)
    return f"{type(result).__name__}: {result}"
