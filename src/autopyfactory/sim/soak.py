"""``python -m autopyfactory.sim.soak``: weeks of a large factory in one process must leave it as it was.

Every queue gets a steady stream of jobs, most of them short; the chain is an ordinary one.  What is looked at
at the end of each simulated day is what must not grow: memory, and the database with retention on.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from autopyfactory.model import WmsQueue
from autopyfactory.sim.draw import uniform
from autopyfactory.sim.dst.chains import step
from autopyfactory.sim.loop import VirtualClock, run_virtual
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import World, queue_config, world_config
from autopyfactory.store import open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY_S = 86_400
_CHAIN = (
    step("ready"),
    step("scale", factor=0.8),
    step("max_per_cycle", maximum=50),
    step("max_pending", maximum=100),
)


@dataclass(frozen=True, slots=True)
class Load:
    """What a factory has to do."""

    days: int
    queues: int
    pilots: int
    """Over all days; about that many are submitted."""
    sites: int = 4
    keep_pilots_days: float = 2
    keep_cycles_days: float = 1
    interval_s: float = 300


@dataclass(frozen=True, slots=True)
class Day:
    """How things stand at the end of a simulated day."""

    day: int
    pilots: int
    """Submitted so far."""
    live: int
    memory_mb: float
    """Resident memory of this process: factory, store and simulated world."""
    database_mb: float
    wall_s: float
    """Since the beginning."""
    doubled: int
    jobs_done: int


def soak(load: Load, file: Path) -> list[Day]:
    """Run the whole of it, and return how each day ended."""

    async def main() -> list[Day]:
        return [day async for day in days(load, file)]

    return run_virtual(main(), START)


async def days(load: Load, file: Path) -> AsyncIterator[Day]:
    """Yield each simulated day as it ends; to be run in a virtual loop."""
    began = time.monotonic()
    world = World(VirtualClock(), 1, {name: _site(load, name) for name in _site_names(load)})
    names = [f"Q{i:03}" for i in range(load.queues)]
    site_names = _site_names(load)
    queues = [
        queue_config(name, _CHAIN, site_names[i % load.sites], interval_s=load.interval_s)
        for i, name in enumerate(names)
    ]
    config = world_config(
        queues,
        factory={"keep_pilots_days": load.keep_pilots_days, "keep_cycles_days": load.keep_cycles_days},
        wms={"interval_s": load.interval_s},
        batch={"interval_s": load.interval_s},
    )
    for name in names:
        world.wms.queues[WmsQueue(name)] = Work(payload_s=uniform(1200, 4800))
    store = await open_store(f"sqlite:///{file}", config.factory_id, inline=True)
    factory = world.factory(config, store)
    running = world.start(factory)
    for day in range(1, load.days + 1):
        for jobs in _hours(load, day):
            for name in names:
                world.wms.add(WmsQueue(name), jobs)
            await world.clock.sleep(_DAY_S / 24)
            for site in world.sites.values():
                site.forget_ended(before_s=world.timeline.catch_up() - _DAY_S)
        if running.done():
            running.result()
        yield _stock(world, file, day, time.monotonic() - began)
    factory.stop()
    await running
    await store.close()


def _hours(load: Load, day: int) -> Iterator[int]:
    """Yield how many jobs each queue gets in each hour of a day: as many as pilots are to come of it."""
    per_hour = load.pilots / load.days / load.queues / 24
    first = (day - 1) * 24
    for hour in range(first, first + 24):
        yield int(per_hour * (hour + 1)) - int(per_hour * hour)


def _site_names(load: Load) -> list[str]:
    return [f"site{i}" for i in range(load.sites)]


def _site(load: Load, name: str) -> SiteSettings:
    # a pilot lives for about an hour, and slots are a little scarcer than pilots at the busiest time
    slots = max(10, round(load.pilots / load.days / 24 / load.sites * 1.2))
    return SiteSettings(
        name=name,
        slots=slots,
        queue_latency_s=uniform(10, 300),
        startup_s=uniform(10, 60),
        lifetime_s=600,  # one payload, then it ends
        failed_share=0.03,
        held_share=0.005,
    )


def _stock(world: World, file: Path, day: int, wall_s: float) -> Day:
    world.timeline.catch_up()
    return Day(
        day=day,
        pilots=sum(site.submitted.total() for site in world.sites.values()),
        live=sum(site.live_total for site in world.sites.values()),
        memory_mb=round(_memory_mb(), 1),
        database_mb=round(_size_mb(file), 1),
        wall_s=round(wall_s, 1),
        doubled=sum(len(site.doubled) for site in world.sites.values()),
        jobs_done=sum(work.done for work in world.wms.queues.values()),
    )


def _memory_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status names no VmRSS")


def _size_mb(file: Path) -> float:
    files = (file, file.with_name(f"{file.name}-wal"))
    return sum(one.stat().st_size for one in files if one.exists()) / 1e6


def main(arguments: Sequence[str]) -> int:
    """Tell each day as it ends; with ``--out`` keep all of them in a file, written anew after each day."""
    wanted = _parser().parse_args(arguments)
    logging.disable(logging.CRITICAL)
    load = Load(days=wanted.days, queues=wanted.queues, pilots=wanted.pilots)
    console = Console(highlight=False, soft_wrap=True)
    told: list[Day] = []

    async def run(file: Path) -> None:
        async for day in days(load, file):
            told.append(day)
            console.print(json.dumps(asdict(day)), markup=False)
            if wanted.out:
                _write(wanted.out, load, told)

    with tempfile.TemporaryDirectory(prefix="apf-soak-") as folder:
        run_virtual(run(Path(folder) / "apf.db"), START)
    return 1 if any(day.doubled for day in told) else 0


def _write(out: Path, load: Load, told: list[Day]) -> None:
    figures = {"load": asdict(load), "days": [asdict(day) for day in told]}
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autopyfactory.sim.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="simulated days")
    parser.add_argument("--queues", type=int, default=200)
    parser.add_argument("--pilots", type=int, default=2_000_000, help="over all days")
    parser.add_argument("--out", type=Path, help="file for the figures, in JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
