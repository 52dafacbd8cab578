"""Stops and cuts off one of two factories that share a store, and sees whether the other one steps in."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from autopyfactory.sim.dst.lines import Life
from autopyfactory.sim.dst.side import Side
from autopyfactory.sim.dst.twins import Cut, Stop, Twins
from autopyfactory.sim.dst.witness import Witness

_SLACK = 1.05
"""Two machines count seconds differently."""


class Heirs:
    """What happens to two factories by themselves."""

    def __init__(self, twins: Twins, sides: Sequence[Side], witness: Witness) -> None:
        self._twins = twins
        self._sides = sides
        self._witness = witness
        for side in sides:
            side.on_crash = self._see_to_heir

    def troubles(self) -> list[Coroutine[Any, Any, None]]:
        """Return what is to run beside the factories; it ends when faults do."""
        stops = [self._stop(stop) for stop in self._twins.stops if stop.kind == "time"]
        return [*stops, *map(self._cut, self._twins.cuts)]

    async def _stop(self, stop: Stop) -> None:
        await asyncio.sleep(stop.at)
        running = self._sides[stop.factory].running
        if running is not None:
            self._witness.note("still", f"life {running.life.number} for {stop.for_s:.0f} s")
            running.life.stand_still(stop.for_s)

    async def _cut(self, cut: Cut) -> None:
        side = self._sides[cut.factory]
        await asyncio.sleep(cut.from_s)
        self._witness.note("fault", f"factory {cut.factory} does not reach the store")
        side.disturb_store(cut=True)
        await asyncio.sleep(cut.until_s - cut.from_s)
        side.disturb_store(cut=False)
        self._witness.note("fault over", f"factory {cut.factory} reaches the store")

    def _see_to_heir(self, side: Side, dead: Life) -> None:
        other = self._sides[1 - side.number]
        well = other.well
        if well is not None:
            wait_s = self._twins.lease_s * _SLACK
            asyncio.get_running_loop().call_later(wait_s, self._expect_heir, other, well, dead)

    def _expect_heir(self, other: Side, well: tuple[Life, int, int], dead: Life) -> None:
        if other.well != well:
            return  # it had trouble of its own
        heir, leases = well[0], self._witness.leases
        for queue in sorted(self._witness.configured[heir.number]):
            if leases.owners.get(queue) == dead.number:
                self._witness.violate("an heir in time", f"{queue} still is life {dead.number}'s, which died")
        self._witness.tally["heirs"] += 1
