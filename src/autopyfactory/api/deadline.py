"""A moment after which a deed must not be done any more, by a clock that nobody sets."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def uptime_s() -> float:
    """Return the seconds since this machine started.

    The same for all its processes, never set, and counting on while a process or the machine is suspended.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Deadline:
    """May be handed to another process of the machine, as long as it goes by `uptime_s`."""

    at_s: float
    uptime_s: Callable[[], float] = uptime_s
    """What ``at_s`` is held against; a virtual clock's in simulation."""

    @property
    def passed(self) -> bool:
        """Whether it is too late."""
        return self.uptime_s() >= self.at_s
