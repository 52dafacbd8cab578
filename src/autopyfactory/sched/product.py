"""Products of a count and a decimal factor, as people expect them."""

import math
from decimal import Decimal
from functools import lru_cache


def times(n: int, factor: float) -> Decimal:
    """Return the product with the factor taken as it is written.

    In floating point 100 × 1.1 is a little more than 110, and its ceiling 111.
    """
    return n * _as_written(factor)


def times_up(n: int, factor: float) -> int:
    """Return the product rounded up (towards zero for negative numbers)."""
    return math.ceil(times(n, factor))


def times_down(n: int, factor: float) -> int:
    """Return the product rounded down; for n of 0 or more."""
    return math.floor(times(n, factor))


@lru_cache(maxsize=1024)
def _as_written(factor: float) -> Decimal:
    return Decimal(str(factor))
