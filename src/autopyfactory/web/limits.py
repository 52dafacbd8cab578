"""Rate limits: a bucket of tokens for each caller, filled by the clock."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from autopyfactory.api import Clock
from autopyfactory.web.problems import Problem

_CALLERS = 20_000
"""How many are remembered; of more, those that were silent for longest start anew with a full bucket."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


class Limiter:
    """At most ``burst`` requests at once, and ``per_s`` in the long run, for each caller."""

    def __init__(self, clock: Clock, per_s: float, burst: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = float(burst)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def charge(self, caller: str) -> None:
        """Count one request; raises `Problem` 429 that says when to try again."""
        now = self._clock.now()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(self._burst, now)
            if len(self._buckets) > _CALLERS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        # a clock that is set back fills nothing
        passed_s = max(0.0, (now - bucket.at).total_seconds())
        bucket.left = min(self._burst, bucket.left + passed_s * self._per_s)
        bucket.at = now
        if bucket.left < 1:
            wait_s = math.ceil((1 - bucket.left) / self._per_s)
            raise Problem(429, "too many requests; slow down", headers={"retry-after": str(wait_s)})
        bucket.left -= 1
