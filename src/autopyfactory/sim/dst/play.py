"""Plays the world of a seed: factories live, die, live again; then faults end, and all comes to rest."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from autopyfactory.api import PilotFilter
from autopyfactory.model import EndCause, WmsQueue
from autopyfactory.sim.dst.files import store_file
from autopyfactory.sim.dst.heirs import Heirs
from autopyfactory.sim.dst.scenario import Scenario, draw_scenario
from autopyfactory.sim.dst.side import CHECK_EVERY_S, START, Side
from autopyfactory.sim.dst.weather import STORE, WMS, Spell
from autopyfactory.sim.dst.witness import Violation, Witness
from autopyfactory.sim.loop import Deadlock, VirtualClock, run_virtual
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import World
from autopyfactory.store import open_store

REST_S = 36 * 3600
"""How long everything may take to come to rest once the faults are over."""


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


class _Stage:
    """The world, its weather and, most of the time, a factory or two."""

    def __init__(self, scenario: Scenario, file: Path) -> None:
        self._scenario = scenario
        self._file = file
        self._clock = VirtualClock()
        self._world = World(self._clock, scenario.seed, scenario.sites, lease_s=scenario.lease_s)
        self.witness = Witness(scenario, self._world)
        lives, twins = itertools.count(1), scenario.twins
        self._sides = [
            Side(number, deaths, scenario, self._world, self.witness, file, lives)
            for number, deaths in enumerate(
                (scenario.deaths,) if twins is None else (scenario.deaths, twins.deaths)
            )
        ]
        self._around = [asyncio.create_task(self._change_weather(), name="weather")]
        if twins is not None:
            heirs = Heirs(twins, self._sides, self.witness)
            self._around += [asyncio.create_task(trouble, name="twins") for trouble in heirs.troubles()]
        self._put_work()

    # --- acts

    async def nasty_times(self) -> None:
        """Let faults come and go, and factories die and come back."""
        await asyncio.gather(*(side.nasty_times() for side in self._sides))

    async def rest(self) -> None:
        """With all faults over, see the last job done and the last pilot ended."""
        await asyncio.gather(*self._around)
        for side in self._sides:
            await side.start(self._scenario.final_config)
        waited_s = 0
        while self.witness.violation is None and waited_s < REST_S and not self._all_done():
            await asyncio.gather(*(side.live_on(CHECK_EVERY_S) for side in self._sides))
            waited_s += CHECK_EVERY_S
        for side in self._sides:
            await side.bring_down(in_order=True)
        self.witness.check_sites()
        self.witness.check_cancelled()
        if self.witness.violation is None:
            await self._check_end()

    async def end(self) -> None:
        """Let nothing of it outlive the loop."""
        for task in self._around:
            task.cancel()
        for side in self._sides:
            await side.bring_down(in_order=False)

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
            await self._clock.sleep(at_s - (self._clock.now() - START).total_seconds())
            self._set(spell, on=on)

    def _set(self, spell: Spell, *, on: bool) -> None:
        value = spell.value if on else _good(spell)
        if spell.place == STORE:
            for side in self._sides:
                side.disturb_store(**{spell.fault: value})
        else:
            at_wms = spell.place == WMS
            setattr(
                self._world.wms.faults if at_wms else self._world.sites[spell.place].faults,
                spell.fault,
                value,
            )
        self.witness.note("fault" if on else "fault over", f"{spell.place}.{spell.fault}: {spell.shown}")

    # --- how far it is

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
