"""Signals from the batch system, and pauses that end with them."""

import random
import signal
import time
from typing import Any, List

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU)
"""Signals by which batch systems end jobs."""
PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals that are for the payload."""
MAX_BACKOFF_S = 30.0


class Ending(object):
    """Whether the pilot was told to end, and what is to be passed on.

    Signal handlers only set plain values: a lock that the main thread holds must not be asked for in one.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._for_payload: List[int] = []

    def watch(self) -> None:
        """Take over the signals."""
        for number in ENDS:
            signal.signal(number, self._told)
        for number in PASSED_ON:
            signal.signal(number, self._keep)

    def _told(self, number: int, frame: Any) -> None:
        self.signal = self.signal or number

    def _keep(self, number: int, frame: Any) -> None:
        self._for_payload.append(number)

    def to_pass_on(self) -> List[int]:
        """Return the signals for the payload that came since the last call."""
        numbers = []
        while self._for_payload:
            numbers.append(self._for_payload.pop(0))
        return numbers

    def pause(self, seconds: float) -> None:
        """Sleep, but not on after a signal."""
        until = time.monotonic() + seconds
        while not self.signal and time.monotonic() < until:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))


class Backoff(object):
    """Growing pauses, each with some chance in it, so that pilots do not call all at once."""

    def __init__(self, most_s: float = MAX_BACKOFF_S) -> None:
        self._most_s = most_s
        self._next_s = min(1.0, most_s)

    def next(self) -> float:
        """Return the next pause in seconds."""
        pause_s = self._next_s
        self._next_s = min(self._most_s, 2 * pause_s)
        return pause_s * random.uniform(0.7, 1.0)
