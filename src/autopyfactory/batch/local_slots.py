"""Which waiting pilots may start: slots, memory and processors of this machine.  No I/O."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from autopyfactory.model import PilotId


class Share(NamedTuple):
    """What one pilot takes of the machine."""

    cores: int
    memory_mb: int
    cpus: tuple[int, ...] = ()


@dataclass(slots=True)
class Slots:
    """What the machine has and what of it is taken."""

    slots: int
    memory_mb: int | None
    """For all pilots together; None: not counted."""
    taken: dict[PilotId, Share] = field(default_factory=dict)

    def impossible(self, cores: int, memory_mb: int) -> str:
        """Return why such a pilot can never start here; empty where it can."""
        if cores > self.slots:
            return f"it needs {cores} slots, there are {self.slots}"
        if self.memory_mb is not None and memory_mb > self.memory_mb:
            return f"it needs {memory_mb} MB, there are {self.memory_mb} MB for all pilots"
        return ""

    def has_room(self, cores: int, memory_mb: int) -> bool:
        """Whether such a pilot can start now."""
        if sum(share.cores for share in self.taken.values()) + cores > self.slots:
            return False
        if self.memory_mb is None:
            return True
        return sum(share.memory_mb for share in self.taken.values()) + memory_mb <= self.memory_mb

    def processors(self, cores: int) -> tuple[int, ...]:
        """Return the least used processors, as many as the pilot has cores."""
        return least_used(os.sched_getaffinity(0), (share.cpus for share in self.taken.values()), cores)


def least_used(usable: Iterable[int], used: Iterable[Iterable[int]], n: int) -> tuple[int, ...]:
    """Return n of the usable processors, those first that the fewest pilots use."""
    load: Mapping[int, int] = Counter(cpu for cpus in used for cpu in cpus)
    return tuple(sorted(sorted(usable, key=lambda cpu: (load.get(cpu, 0), cpu))[:n]))
