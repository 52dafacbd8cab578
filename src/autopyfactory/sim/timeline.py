"""What happens in the simulated world, in the order of its time."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from autopyfactory.api import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Timeline:
    """Events that happen by themselves, brought up to date whenever somebody looks.

    One timeline is shared by everything that acts on each other (a WMS and the sites that take its work),
    so that the order of events is the same whoever looks first.  It needs no task and no timer: between two
    looks nobody could tell the difference.  Times are seconds since 1970.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.now_s = _seconds(clock.now())
        """The time of the event that is happening, else of the last look."""
        self._events: list[tuple[float, int, Callable[[Any], object], Any]] = []
        self._n = 0

    def at(self, when_s: float, act: Callable[[Any], object], subject: object) -> None:
        """Have ``act(subject)`` happen at that time; events of one time happen in order of this call."""
        self._n += 1
        heapq.heappush(self._events, (when_s, self._n, act, subject))

    def after(self, delay_s: float, act: Callable[[Any], object], subject: object) -> None:
        """Have ``act(subject)`` happen that much later."""
        self.at(self.now_s + delay_s, act, subject)

    def catch_up(self) -> float:
        """Let everything happen that is due by the clock, and return its time."""
        present_s = max(_seconds(self.clock.now()), self.now_s)
        events = self._events
        while events and events[0][0] <= present_s:
            when_s, _, act, subject = heapq.heappop(events)
            self.now_s = max(self.now_s, when_s)
            act(subject)
        self.now_s = present_s
        return present_s

    def next_event(self) -> datetime | None:
        """Return when something will happen next, if at all."""
        return moment(self._events[0][0]) if self._events else None


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return _EPOCH + timedelta(seconds=seconds)


def _seconds(at: datetime) -> float:
    return (at - _EPOCH) / _SECOND
