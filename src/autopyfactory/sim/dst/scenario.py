"""Draws a whole world from a seed: queues and their chains, sites, work, faults and deaths."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from autopyfactory.config.tree import Config
from autopyfactory.model import QueueName, WmsQueue
from autopyfactory.sim.draw import Draw, constant, exponential, uniform
from autopyfactory.sim.dst.chains import DrawnChain, draw_chain
from autopyfactory.sim.dst.deaths import Death, draw_deaths
from autopyfactory.sim.dst.twins import Twins, draw_twins
from autopyfactory.sim.dst.weather import Spell, draw_weather
from autopyfactory.sim.site import SiteSettings
from autopyfactory.sim.wms import Work
from autopyfactory.sim.world import queue_config, world_config

_WMS_TIMEOUT_S = 30
_BATCH_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a seed says before anything happens."""

    seed: int
    config: Config
    final_config: Config
    """As an operator would set it for the end: queues that never come to rest get a plain chain."""
    sites: Mapping[str, SiteSettings]
    work: Mapping[WmsQueue, Work]
    arrivals: tuple[tuple[float, WmsQueue, int], ...]
    """(seconds, queue, jobs)."""
    weather: tuple[Spell, ...]
    deaths: tuple[Death, ...]
    reloads: tuple[tuple[float, Config], ...]
    """(seconds, configuration): given to whichever run of the factory lives then."""
    nasty_s: float
    """For how long there are faults, deaths and new work."""
    lease_s: float
    caps: Mapping[QueueName, Mapping[str, int]]
    constant: frozenset[QueueName]
    """Queues whose number does not depend on the WMS."""
    stale_s: float
    """The age from which an answer is unknown."""
    twins: Twins | None
    """Where two factories work on one store."""


def draw_scenario(seed: int) -> Scenario:
    """Return the world of a seed."""
    random = Random(f"autopyfactory dst {seed}")
    nasty_s = random.choice((1800, 3600, 5400))
    sites = {
        name: _draw_site(random, name) for name in ("alpha", "beta", "gamma")[: random.choice((1, 1, 2, 3))]
    }
    chains = {QueueName(f"Q{i}"): draw_chain(random) for i in range(random.choice((1, 1, 2, 2, 3, 5)))}
    at = {name: random.choice(list(sites)) for name in chains}
    wms_queue = {name: WmsQueue(name) for name in chains}
    care = {name: _draw_care(random) for name in chains}
    if len(chains) > 1 and random.random() < 0.3:  # two queues bring the work of one
        wms_queue[QueueName("Q1")] = wms_queue[QueueName("Q0")]
    sites = {name: replace(site, serves=dict(wms_queue)) for name, site in sites.items()}
    interval_s = random.choice((60, 120))
    max_pilots = random.randint(3, 25) if random.random() < 0.3 else None
    settings: dict[str, dict[str, object]] = {
        "factory": {"settle_s": random.choice((60, 120)), "grace_s": random.choice((300, 900))},
        "wms": {"interval_s": interval_s, "timeout_s": _WMS_TIMEOUT_S},
        "batch": {
            "interval_s": interval_s,
            "max_per_submit": random.choice((3, 1000)),
            "max_pilots": max_pilots,
        },
    }
    queue_interval_s = random.choice((60, 120, 180))
    twins = draw_twins(seed, nasty_s)
    if twins is not None:
        settings["factory"] |= {"shared": True, "lease_s": twins.lease_s}

    def config(*, final: bool, without: int = 0, timeout_s: float = _BATCH_TIMEOUT_S) -> Config:
        queues = [
            queue_config(
                name,
                chain.plain if final and chain.endless else chain.steps,
                at[name],
                interval_s=queue_interval_s,
                wms_queue=wms_queue[name],
                **care[name],
            )
            for name, chain in list(chains.items())[without:]
        ]
        return world_config(queues, **{**settings, "batch": {**settings["batch"], "timeout_s": timeout_s}})

    return Scenario(
        seed=seed,
        config=config(final=False),
        final_config=config(final=True),
        sites=sites,
        work={queue: Work(payload_s=_draw_payload(random)) for queue in dict.fromkeys(wms_queue.values())},
        arrivals=_draw_arrivals(random, list(dict.fromkeys(wms_queue.values())), nasty_s),
        weather=draw_weather(random, list(sites), nasty_s),
        deaths=draw_deaths(random, nasty_s),
        reloads=tuple(
            (
                random.uniform(0, nasty_s),
                config(
                    final=random.random() < 0.3,
                    without=random.choice((0, 0, 1)),
                    timeout_s=random.choice((_BATCH_TIMEOUT_S, _BATCH_TIMEOUT_S + 5)),
                ),
            )
            for _ in range(random.choice((0, 0, 1, 3)))
        ),
        nasty_s=nasty_s,
        lease_s=random.choice((0, 0, 300)),
        caps={name: _caps(chain, max_pilots) for name, chain in chains.items()},
        constant=frozenset(name for name, chain in chains.items() if chain.constant),
        stale_s=3 * interval_s,
        twins=twins,
    )


def _caps(chain: DrawnChain, max_pilots: int | None) -> dict[str, int]:
    return chain.caps if max_pilots is None else {**chain.caps, "max_pilots": max_pilots}


def _draw_site(random: Random, name: str) -> SiteSettings:
    slots = random.randint(3, 20)
    per_node = random.choice((2, 4))
    return SiteSettings(
        name=name,
        slots=slots,
        slots_per_node=per_node,
        queue_latency_s=random.choice((constant(1), uniform(1, 90), uniform(30, 600), exponential(200))),
        startup_s=uniform(5, 30),
        lifetime_s=random.choice((600, 3600)),
        failed_share=random.choice((0, 0, 0.1, 0.4)),
        held_share=random.choice((0, 0, 0, 0.1, 0.5)),
        black_holes=1 if slots > 2 * per_node and random.random() < 0.2 else 0,
    )


def _draw_care(random: Random) -> dict[str, dict[str, object]]:
    """Draw what is borne of pilots, and how surplus ones are removed."""
    return {
        "life": {
            "hold_releases": random.choice((0, 1, 3)),
            "hold_release_s": random.choice((60, 300)),
            "pending_max_s": random.choice((900, 3600, 604_800)),
            "running_max_s": random.choice((5400, 691_200, 691_200)),
        },
        "retire": {
            "after_cycles": random.choice((1, 1, 3)),
            "per_cycle": random.choice((1, 10)),
            "idle": random.random() < 0.3,
            "kill_order": random.choice(("newest", "oldest")),
            "running": random.random() < 0.2,
        },
    }


def _draw_payload(random: Random) -> Draw:
    low_s = random.choice((30, 120, 400))
    return uniform(low_s, random.choice((2, 5)) * low_s)


def _draw_arrivals(
    random: Random, queues: list[WmsQueue], end_s: float
) -> tuple[tuple[float, WmsQueue, int], ...]:
    arrivals = [(0.0, queue, random.randint(0, 20)) for queue in queues]
    arrivals += [
        (random.uniform(0, end_s), random.choice(queues), random.randint(1, 15))
        for _ in range(random.randint(0, 5))
    ]
    return tuple(sorted(arrivals))
