"""Merges what the payloads of the demo counted, and checks it."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

from autopyfactory.cli.demo.pi import points_inside

_MAX_SIGMAS = 5.0
"""A right result is further off once in 1.7 million runs."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one payload counted."""

    seed: int
    points: int
    inside: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """All counts together."""

    pi: float
    sigma: float
    """Standard deviation that is expected of such an estimate."""
    points: int
    sigmas_off: float
    recomputed: bool
    """One of the counts was done again here, and came out exactly the same."""

    @property
    def is_right(self) -> bool:
        """Whether it agrees with pi as far as chance allows, and with the recomputed count exactly."""
        return self.recomputed and self.sigmas_off <= _MAX_SIGMAS


def parse_count(result: str) -> Count:
    """Read a payload's ``result.json``; raises `ValueError` where it is none."""
    fields = json.loads(result)
    try:
        return Count(int(fields["seed"]), int(fields["points"]), int(fields["inside"]))
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a count of points: {result[:200]!r}") from error


def merge(counts: Iterable[Count]) -> Estimate | None:
    """Return the merged estimate, with the first count checked by doing it again; None without counts.

    Pi is 4·inside/points; a point is inside with p = pi/4, so the count is binomial and the deviation
    of the estimate 4·sqrt(p(1-p)/points).
    """
    known = sorted(counts, key=lambda count: count.seed)
    if not known:
        return None
    points = sum(count.points for count in known)
    pi = 4 * sum(count.inside for count in known) / points
    p = math.pi / 4
    sigma = 4 * math.sqrt(p * (1 - p) / points)
    first = known[0]
    return Estimate(
        pi=pi,
        sigma=sigma,
        points=points,
        sigmas_off=abs(pi - math.pi) / sigma,
        recomputed=points_inside(first.seed, first.points) == first.inside,
    )
