"""Plays the world of a seed: a factory lives, dies, lives again; then faults end, and all comes to rest."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from autopyfactory.api import AutoPyFactoryError, PilotFilter
from autopyfactory.config.tree import Config
from autopyfactory.control import Factory
from autopyfactory.model import CycleRecord, EndCause, WmsQueue
from autopyfactory.sim.dst.files import store_file
from autopyfactory.sim.dst.lines import BatchLine, Life, StoreLine, WmsLine
from autopyfactory.sim.dst.scenario import Death, Scenario, draw_scenario
from autopyfactory.sim.dst.weather import STORE, WMS, Spell
from autopyfactory.sim.dst.witness import Violation, Witness
from autopyfactory.sim.faults import Luck, StoreFaults
from autopyfactory.sim.loop import Deadlock, VirtualClock, VirtualLoop, run_virtual
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import World
from autopyfactory.store import SqlStore, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
REST_S = 36 * 3600
"""How long everything may take to come to rest once the faults are over."""
STOP_S = 1800
"""How long an orderly stop may take, whatever goes wrong."""
_CHECK_EVERY_S = 600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the world of a seed."""

    seed: int
    violation: Violation | None
    events: list[tuple[float, str, str]]
    """Seconds since the world began, what kind of event, and what happened."""
    tally: Counter[str]
    """Events by kind; also what became of pilots, faults and deaths."""


def play(seed: int) -> Outcome:
    """Run the world of a seed to its end or to its first violation; the same again for the same seed."""
    scenario = draw_scenario(seed)
    with store_file(scenario.config.factory_id) as file:
        return run_virtual(_play(scenario, file), START)


async def _play(scenario: Scenario, file: Path) -> Outcome:
    stage = _Stage(scenario, file)
    try:
        await stage.nasty_times()
        await stage.rest()
    except Deadlock as error:
        stage.witness.violate("done in the end", str(error))
    finally:
        await stage.end()
    return Outcome(scenario.seed, stage.witness.violation, stage.witness.events, stage.witness.tally)


@dataclass(slots=True)
class _Running:
    """A factory that lives."""

    life: Life
    factory: Factory
    task: asyncio.Task[list[CycleRecord]]
    store: SqlStore
    operator: asyncio.Task[None]


class _Stage:
    """The world, its weather and, most of the time, a factory."""

    def __init__(self, scenario: Scenario, file: Path) -> None:
        self._scenario = scenario
        self._file = file
        self._clock = VirtualClock()
        self._world = World(self._clock, scenario.seed, scenario.sites, lease_s=scenario.lease_s)
        self._store_faults = StoreFaults()
        self._store_luck = Luck(Random(scenario.seed))
        self.witness = Witness(scenario, self._world)
        self._lives = 0
        self._running: _Running | None = None
        self._weather = asyncio.create_task(self._change_weather(), name="weather")
        self._put_work()

    # --- acts

    async def nasty_times(self) -> None:
        """Let faults come and go, and the factory die and come back."""
        for death in self._scenario.deaths:
            if self._over():
                return
            await self._start(self._scenario.config, death)
            until_s = death.at if death.kind in ("time", "stop") else self._left_s()
            await self._live_on(min(until_s, self._left_s()))
            await self._bring_down(in_order=death.kind == "stop")
            await self._clock.sleep(min(death.away_s, self._left_s()))
        if not self._over():
            await self._start(self._scenario.config)
            await self._live_on(self._left_s())
            await self._bring_down(in_order=self._scenario.seed % 2 == 0)

    async def rest(self) -> None:
        """With all faults over, see the last job done and the last pilot ended."""
        await self._weather
        await self._start(self._scenario.final_config)
        waited_s = 0
        while self.witness.violation is None and waited_s < REST_S and not self._all_done():
            await self._live_on(_CHECK_EVERY_S)
            waited_s += _CHECK_EVERY_S
        await self._bring_down(in_order=True)
        self.witness.check_sites()
        self.witness.check_cancelled()
        if self.witness.violation is None:
            await self._check_end()

    async def end(self) -> None:
        """Let nothing of it outlive the loop."""
        self._weather.cancel()
        if self._running is not None:
            await self._bring_down(in_order=False)

    # --- the factory

    async def _start(self, config: Config, death: Death | None = None) -> None:
        self._lives += 1
        dies_at = int(death.at) if death is not None and death.kind == "store" else None
        life = Life(self._lives, dies_at)
        self.witness.note("start", f"life {self._lives}")
        store = await open_store(f"sqlite:///{self._file}", config.factory_id, inline=True)
        line = StoreLine(store, life, self.witness, self._store_faults, self._store_luck, self._clock)
        self.witness.configured = set(config.queues)
        wms, batch = self._lines(config, life)
        factory = self._world.factory(config, line, wms=wms, batch=batch)
        operator = asyncio.create_task(self._operate(factory, life), name="operator")
        self._running = _Running(life, factory, self._world.start(factory), store, operator)
        if death is not None and death.kind == "step":
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)  # noqa: S101 - the clock has seen to it
            loop.set_alarm(loop.steps + 1 + int(death.at), life.end)

    def _lines(self, config: Config, life: Life) -> tuple[WmsLine, dict[str, BatchLine]]:
        """Return a factory's lines to the world."""
        wms = WmsLine(self._world.wms, life, self.witness, self._clock)
        batch = {
            name: BatchLine(name, system, life, self.witness, self._clock)
            for name, system in self._world.batch(config).items()
        }
        return wms, batch

    async def _operate(self, factory: Factory, life: Life) -> None:
        """Give a running factory another configuration now and then."""
        for at_s, config in sorted(self._scenario.reloads, key=lambda reload: reload[0]):
            if at_s < self._elapsed_s():
                continue
            await self._clock.sleep(at_s - self._elapsed_s())
            self.witness.note("reload", f"{len(config.queues)} queues")
            self.witness.configured |= set(config.queues)
            wms, batch = self._lines(config, life)
            try:
                await factory.reconfigure(config, {WMS: wms}, batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                self.witness.violate("goes on by itself", f"reload failed: {_text(error)}")
            self.witness.note("reload", "done")
            self.witness.configured = set(config.queues)

    async def _live_on(self, seconds: float) -> None:
        """Return after that time, when the factory died, or after a violation."""
        running = self._running
        if running is None:
            return
        died = asyncio.ensure_future(running.life.dead.wait())
        end = self._clock.now().timestamp() + seconds
        while self.witness.violation is None and not running.life.dead.is_set() and not running.task.done():
            left_s = end - self._clock.now().timestamp()
            if left_s <= 0:
                break
            await asyncio.wait(
                {running.task, died}, timeout=min(left_s, _CHECK_EVERY_S), return_when=asyncio.FIRST_COMPLETED
            )
        died.cancel()
        if running.task.done() and not running.life.dead.is_set():
            await self._fell(running)

    async def _fell(self, running: _Running) -> None:
        """Tell why a factory has come to its end that nobody asked it to come to."""
        (result,) = await asyncio.gather(running.task, return_exceptions=True)
        if self._may_refuse_to_start(result):
            self.witness.note("start", f"refused: {result}")
        else:
            self.witness.violate("goes on by itself", f"the factory came to its end: {_text(result)}")

    def _may_refuse_to_start(self, result: object) -> bool:
        # without its store a factory does not start; whoever runs it starts it again
        return isinstance(result, AutoPyFactoryError) and bool(
            self._store_faults.fails or self._store_faults.reply_lost
        )

    async def _bring_down(self, *, in_order: bool) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        if in_order and not running.life.dead.is_set() and self.witness.violation is None:
            self.witness.note("stop", f"life {running.life.number}")
            running.factory.stop()
            done, _ = await asyncio.wait({running.task}, timeout=STOP_S)
            if not done:
                self.witness.violate("stops when asked", f"it did not stop within {STOP_S} s")
            elif running.task.exception() is not None:
                await self._fell(running)
        else:
            self.witness.note("crash", f"life {running.life.number}")
        running.life.end()
        running.operator.cancel()
        await asyncio.gather(running.operator, return_exceptions=True)
        await self._world.crash(running.task)
        await running.store.close()

    # --- the world around it

    def _put_work(self) -> None:
        for queue, work in self._scenario.work.items():
            self._world.wms.queues[queue] = Work(payload_s=work.payload_s)
        for at_s, queue, jobs in self._scenario.arrivals:
            self._world.timeline.after(at_s, self._arrive, (queue, jobs))

    def _arrive(self, arrival: tuple[WmsQueue, int]) -> None:
        queue, jobs = arrival
        self._world.wms.queues[queue].ready += jobs

    async def _change_weather(self) -> None:
        changes = sorted(
            [(spell.from_s, i, spell, True) for i, spell in enumerate(self._scenario.weather)]
            + [(spell.until_s, i, spell, False) for i, spell in enumerate(self._scenario.weather)],
            key=lambda change: change[:2],
        )
        for at_s, _, spell, on in changes:
            await self._clock.sleep(at_s - self._elapsed_s())
            self._set(spell, on=on)

    def _set(self, spell: Spell, *, on: bool) -> None:
        faults: object = {STORE: self._store_faults, WMS: self._world.wms.faults}.get(spell.place)
        if faults is None:
            faults = self._world.sites[spell.place].faults
        setattr(faults, spell.fault, spell.value if on else _good(spell))
        self.witness.note("fault" if on else "fault over", f"{spell.place}.{spell.fault}: {spell.shown}")

    # --- how far it is

    def _elapsed_s(self) -> float:
        return (self._clock.now() - START).total_seconds()

    def _left_s(self) -> float:
        return max(0.0, self._scenario.nasty_s - self._elapsed_s())

    def _over(self) -> bool:
        return self.witness.violation is not None or self._left_s() <= 0

    def _all_done(self) -> bool:
        self._world.timeline.catch_up()
        return (
            not self.witness.live
            and not any(site.live_total for site in self._world.sites.values())
            and not any(work.ready or work.running for work in self._world.wms.queues.values())
        )

    async def _check_end(self) -> None:
        """Compare WMS, sites and the real store once everything is at rest."""
        wrong = self._not_at_rest()
        store = await open_store(f"sqlite:///{self._file}", None, inline=True)
        try:
            stored = await store.pilots(PilotFilter(limit=100_000))
        finally:
            await store.close()
        if {pilot.id: pilot for pilot in stored} != self.witness.believed:
            wrong.append("the store does not hold what it was given")
        for pilot in stored:
            if not pilot.state.is_final:
                wrong.append(f"{pilot.id} has no ending: {pilot.state} {pilot.reason}")
            self.witness.tally[f"ended: {pilot.cause}"] += 1
            was_there = self._world.sites[pilot.endpoint].knows(pilot.id)
            if not was_there and pilot.cause not in (EndCause.UNSENT, EndCause.REFUSED):
                wrong.append(f"{pilot.id} ended by {pilot.cause}, but it never was at a site")
        self.witness.tally["pilots"] += len(stored)
        if wrong:
            self.witness.violate("done in the end", "; ".join(wrong[:5]))

    def _not_at_rest(self) -> list[str]:
        self._world.timeline.catch_up()
        jobs = [
            f"{queue}: {work.ready} jobs ready, {work.running} running"
            for queue, work in self._world.wms.queues.items()
            if work.ready or work.running
        ]
        pilots = [
            f"{name}: {site.live_total} pilots" for name, site in self._world.sites.items() if site.live_total
        ]
        return jobs + pilots


def _good(spell: Spell) -> object:
    return None if spell.fault == "slow_s" else 0.0


def _text(result: object) -> str:
    if isinstance(result, BaseExceptionGroup):
        return "; ".join(_text(one) for one in result.exceptions)
    return f"{type(result).__name__}: {result}"
