"""The payload of the demo: throw points into a square, count those inside the circle.

Runs on whatever Python a node has (standard library only, 3.6 or later), so it imports nothing of the rest.
The same seed and number of points give the same count on every machine.
"""

import json
import random
import sys


def points_inside(seed: int, points: int) -> int:
    """Return how many of that many random points of the unit square lie inside the unit circle."""
    throw = random.Random(seed).random
    inside = 0
    for _ in range(points):
        x = throw()
        y = throw()
        if x * x + y * y <= 1.0:
            inside += 1
    return inside


def main() -> None:
    """Count for ``SEED POINTS`` on the command line, and leave the count in ``result.json``."""
    seed, points = int(sys.argv[1]), int(sys.argv[2])
    result = {"seed": seed, "points": points, "inside": points_inside(seed, points)}
    with open("result.json", "w") as file:  # noqa: PTH123  # what every Python since 3.6 has
        json.dump(result, file)


if __name__ == "__main__":
    main()
