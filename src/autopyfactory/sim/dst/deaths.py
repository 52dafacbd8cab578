"""Draws how the runs of a factory end."""

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

DeathKind = Literal["time", "step", "store", "stop"]


@dataclass(frozen=True, slots=True)
class Death:
    """How one run of the factory ends, and how long it is away."""

    kind: DeathKind
    """At a time; at a step of the loop; before or after a call of the store; in good order."""
    at: float
    """Seconds or steps after its start, or moments as `Life` counts them."""
    away_s: float


def draw_deaths(random: Random, end_s: float) -> tuple[Death, ...]:
    """Draw the runs of one factory that end before the world does, in their order."""
    deaths = []
    for _ in range(random.choice((0, 1, 1, 2, 3, 6))):
        kind: DeathKind = random.choice(("time", "step", "step", "store", "store", "stop"))
        if kind in ("time", "stop"):
            at = random.uniform(0, end_s / 2)
        else:  # most of what matters is near the start, and every later moment is reached as well
            at = float(int(math.exp(random.uniform(0, math.log(4000 if kind == "step" else 600)))) - 1)
        away_s = random.choice((0, 1, 60, 1200)) * random.uniform(0.5, 1)
        deaths.append(Death(kind, at, away_s))
    return tuple(deaths)
