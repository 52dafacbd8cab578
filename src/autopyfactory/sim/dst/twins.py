"""Draws what befalls two factories that share a store, beside what befalls every world."""

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

from autopyfactory.sim.dst.deaths import Death, draw_deaths

SHARE = 0.1
"""Of all worlds; in the others one factory has its store for itself."""
_LONGEST_STOP_S = 1200.0
"""Less than an orderly stop may take, which one that stands still cannot come to."""


StopKind = Literal["time", "store", "plan"]
"""At a time; before or after a call of the store, or between a plan and its submission, in each life."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One factory stands still for a while, as after SIGSTOP."""

    factory: int
    kind: StopKind
    at: float
    """Seconds since the world began, moments as `Life` counts them, or plans."""
    for_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """One factory does not reach the store for a while."""

    factory: int
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Uptime:
    """How one factory counts seconds: two machines differ in both."""

    begin_s: float
    rate: float


@dataclass(frozen=True, slots=True)
class Twins:
    """What is drawn for two factories."""

    lease_s: float
    deaths: tuple[Death, ...]
    """Of the second factory."""
    stops: tuple[Stop, ...]
    cuts: tuple[Cut, ...]
    uptimes: tuple[Uptime, Uptime]
    split: bool
    """Whether each has every other queue at first, so that both submit at the same time."""


def draw_twins(seed: int, end_s: float) -> Twins | None:
    """Return what befalls the two factories of a world, or None where it has only one.

    Drawn by itself, so that nothing else in the world depends on it.
    """
    random = Random(f"autopyfactory dst twins {seed}")
    if random.random() >= SHARE:
        return None
    lease_s = random.choice((120, 240, 480))
    return Twins(
        lease_s=lease_s,
        deaths=draw_deaths(random, end_s),
        stops=tuple(_draw_stop(random, lease_s, end_s) for _ in range(random.choice((0, 1, 2, 4)))),
        cuts=tuple(_draw_cut(random, lease_s, end_s) for _ in range(random.choice((0, 0, 1, 2)))),
        uptimes=(_draw_uptime(random), _draw_uptime(random)),
        split=random.random() < 0.4,
    )


def _draw_stop(random: Random, lease_s: float, end_s: float) -> Stop:
    for_s = min(_LONGEST_STOP_S, lease_s * random.choice((0.3, 1, 2, 4)) * random.uniform(0.6, 1.2))
    factory = random.randrange(2)
    kind: StopKind = random.choice(("time", "store", "plan"))
    if kind == "time":
        return Stop(factory, kind, random.uniform(0, end_s), for_s)
    most = 400 if kind == "store" else 15
    return Stop(factory, kind, float(int(math.exp(random.uniform(0, math.log(most)))) - 1), for_s)


def _draw_cut(random: Random, lease_s: float, end_s: float) -> Cut:
    from_s = random.uniform(0, end_s)
    return Cut(random.randrange(2), from_s, min(end_s, from_s + lease_s * random.choice((0.5, 2, 8))))


def _draw_uptime(random: Random) -> Uptime:
    return Uptime(random.uniform(0, 1e6), random.uniform(0.98, 1.02))
