"""Where the simulated world takes its durations from."""

import math
from collections.abc import Callable
from random import Random

Draw = Callable[[Random], float]
"""Draws one duration, in seconds."""


def constant(seconds: float) -> Draw:
    """Return always the same."""
    return lambda _: seconds


def uniform(low_s: float, high_s: float) -> Draw:
    """Return anything between the two."""
    return lambda random: random.uniform(low_s, high_s)


def exponential(mean_s: float) -> Draw:
    """Return the time to an event that may happen at any moment."""
    return lambda random: random.expovariate(1 / mean_s)


def lognormal(median_s: float, sigma: float) -> Draw:
    """Return mostly around the median, with a long tail: what the run times of jobs look like."""
    mu = math.log(median_s)
    return lambda random: random.lognormvariate(mu, sigma)
