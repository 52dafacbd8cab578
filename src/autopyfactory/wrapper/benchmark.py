"""How fast one core is: the DB12 figure, measured in a second or so.

DB12 (the DIRAC benchmark of 2012) draws normally distributed numbers in Python and sums them and their
squares; 12.5 million draws in 250 seconds of processor time are a figure of 1.  The original draws all of
them; here a part is drawn, and the rate tells the figure.  Figures of different versions of Python differ,
which is why the version is part of the profile.
"""

import random
import time

DRAWS = 12500000
REFERENCE_S = 250.0
BATCH = 20000


def db12(seconds: float) -> float:
    """Return the figure of one core, after about so many seconds of processor time."""
    _draw(BATCH)  # not measured: processors take a moment to reach their speed
    drawn = 0
    until = time.monotonic() + 5 * seconds  # a core that is shared with others must not take for ever
    started = time.process_time()
    used = 0.0
    while used < seconds and time.monotonic() < until:
        _draw(BATCH)
        drawn += BATCH
        used = time.process_time() - started
    return round(REFERENCE_S * drawn / DRAWS / used, 2) if used > 0 else 0.0


def _draw(count: int) -> float:
    total = squares = 0.0
    for _ in range(count):
        number = random.normalvariate(10, 1)
        total += number
        squares += number * number
    return total + squares
