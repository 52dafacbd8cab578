"""Typed names, and the identity of a pilot.

A pilot id is 26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, then 80 random
bits (the ULID layout).  Text order is therefore order of planning.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NewType

PilotId = NewType("PilotId", str)
"""Identity of one pilot, made before it is submitted and carried as a tag in the batch system."""
BatchId = NewType("BatchId", str)
"""What the batch system calls a pilot, for example ``cluster.proc``."""
QueueName = NewType("QueueName", str)
"""A factory queue: one ``[queues.NAME]`` section of the configuration."""
WmsQueue = NewType("WmsQueue", str)
"""A queue of the workload management system (PanDA: site or resource)."""
FactoryId = NewType("FactoryId", str)

TAG_PATTERN = r"[0-9A-HJKMNP-TV-Z]{26}"
"""Regular expression for a pilot id."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANDOM_BITS = 80


class PilotIds:
    """Makes pilot ids that only ever grow, even where the clock stands still or is set back.

    ``bits(k)`` gives k random bits (``random.SystemRandom().getrandbits`` in production, a seeded
    generator in simulation).
    """

    def __init__(self, bits: Callable[[int], int]) -> None:
        self._bits = bits
        self._last = 0

    def make(self, now: datetime, n: int) -> list[PilotId]:
        """Return n new ids planned at ``now``, in growing order."""
        start = (_milliseconds(now) << _RANDOM_BITS) | self._bits(_RANDOM_BITS)
        first = max(start, self._last + 1)
        self._last = first + n - 1 if n else self._last
        return [_encode(first + i) for i in range(n)]


def planned_at(pilot: PilotId) -> datetime:
    """Return the time at which the pilot was planned, to a millisecond, as its id says."""
    milliseconds = 0
    for character in pilot[:10]:
        milliseconds = milliseconds << 5 | _ALPHABET.index(character)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def log_folder(planned: datetime, queue: QueueName) -> Path:
    """Return where below ``log_dir`` the files of a queue's pilots of one day lie: ``YYYY-MM-DD/QUEUE``.

    Characters that would part the name are replaced as APF 2 does.
    """
    return Path(planned.date().isoformat(), queue.replace("/", "_").replace(":", "_"))


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _encode(value: int) -> PilotId:
    # 13 pairs of characters, 10 bits each: twice as fast as single characters
    return PilotId("".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)]))
