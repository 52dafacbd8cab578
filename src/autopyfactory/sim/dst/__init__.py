"""Deterministic simulation testing: seeded worlds of faults and crashes, and what must hold in each of them.

`play` runs the world of one seed, the same again for the same seed; ``python -m autopyfactory.sim.dst``
runs thousands.  The invariants are those of `Witness`.
"""

from autopyfactory.sim.dst.play import Outcome, play
from autopyfactory.sim.dst.witness import Violation, Witness

__all__ = ["Outcome", "Violation", "Witness", "play"]
