"""Draws the chain of a queue."""

from dataclasses import dataclass, field
from random import Random

from autopyfactory.api import ChainStep, Kind, find_plugin

CAPS = ("max_per_cycle", "max_pending", "max_to_run", "max_per_factory")


@dataclass(frozen=True, slots=True)
class DrawnChain:
    """A chain, and what is known of it beforehand."""

    steps: tuple[ChainStep, ...]
    plain: tuple[ChainStep, ...]
    """What the queue gets in the end, where ``steps`` would never come to rest: the same caps."""
    caps: dict[str, int] = field(default_factory=dict)
    """The limits that it sets, by rule."""
    endless: bool = False
    """It asks for pilots also where there is no work."""
    constant: bool = False
    """Its number does not depend on what the WMS says."""


def step(name: str, **settings: object) -> ChainStep:
    """Return one rule of a chain."""
    return ChainStep(name, find_plugin(Kind.SCHED, name).model_validate(settings))


def draw_chain(random: Random) -> DrawnChain:
    """Draw a source of numbers, what shapes them, and caps in any order."""
    constant = random.random() < 0.15
    keeps = random.random() < 0.2
    if constant:
        steps = [step("keep_n_running", keep_running=random.randint(1, 12))]
    else:
        steps = [step(random.choice(("ready", "ready", "fill_activated", "activated")))]
        if keeps:
            steps.append(step("keep_n_running"))
    shapes: list[tuple[str, float, dict[str, float]]] = [
        ("scale", 0.25, {"factor": random.choice((0.3, 0.5, 1.5, 2.0))}),
        ("ramp", 0.15, {}),
        ("min_pending", 0.1, {"minimum": random.randint(1, 3)}),
        ("warm_pool", 0.1, {"minimum": random.randint(1, 4)}),
        ("min_per_cycle", 0.05, {"minimum": 1}),
    ]
    chosen = [(name, settings) for name, share, settings in shapes if random.random() < share]
    steps += [step(name, **settings) for name, settings in chosen]
    caps = {name: random.randint(2, 20) for name in CAPS if random.random() < 0.45}
    if not caps:
        caps = {"max_pending": random.randint(3, 15)}
    capping = [step(name, maximum=maximum) for name, maximum in caps.items()]
    if random.random() < 0.2:
        capping.append(
            step("breaker", window=1800, minimum=random.randint(3, 10), cooldown=random.choice((120, 600)))
        )
    random.shuffle(capping)
    floors = {"min_pending", "warm_pool", "min_per_cycle"} & {name for name, _ in chosen}
    return DrawnChain(
        tuple(steps + capping),
        (step("ready"), *capping),
        caps,
        endless=constant or keeps or bool(floors),
        constant=constant,
    )
