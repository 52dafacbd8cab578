"""How endpoints and queues fare, and when one that failed is tried again."""

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from autopyfactory.model import EndpointHealth


@dataclass(frozen=True, slots=True)
class BackOff:
    """Exponential, with jitter and a ceiling, in seconds."""

    first_s: float
    ceiling_s: float

    def delay_s(self, name: str, failures: int) -> float:
        """Return how long to wait after that many failures in a row.

        Within 20 % of the nominal delay, differing from name to name, so that what failed together
        does not come back together; the same again for the same arguments.
        """
        nominal = min(self.ceiling_s, self.first_s * 2.0 ** min(failures - 1, 30))
        spread = zlib.crc32(f"{name}/{failures}".encode()) / 2**32
        return nominal * (0.8 + 0.4 * spread)


class HealthBook:
    """The health of every endpoint and queue, and which of it has not been stored yet."""

    def __init__(self) -> None:
        self._known: dict[str, EndpointHealth] = {}
        self._changed: set[str] = set()

    def load(self, known: dict[str, EndpointHealth]) -> None:
        """Take over what an earlier run stored."""
        self._known = dict(known)

    def take_over(self, names: Collection[str], known: Mapping[str, EndpointHealth]) -> None:
        """Take over what another factory stored under these names."""
        for name in names:
            self._known[name] = known.get(name) or EndpointHealth(name)

    def of(self, name: str) -> EndpointHealth:
        """Return the health of one endpoint; a good one for a name that is new."""
        return self._known.get(name) or EndpointHealth(name)

    def succeeded(self, name: str, now: datetime) -> None:
        """Note a success: the row of failures is over."""
        self._put(EndpointHealth(name, ok_at=now))

    def failed(self, name: str, now: datetime, error: str, back_off: BackOff) -> None:
        """Note one more failure, and when to try again."""
        before = self.of(name)
        failures = before.failures + 1
        retry_at = now + timedelta(seconds=back_off.delay_s(name, failures))
        self._put(replace(before, error=error, error_at=now, failures=failures, retry_at=retry_at))

    def holds_back(self, name: str, now: datetime) -> str:
        """Return why nothing is tried now, or an empty text."""
        health = self.of(name)
        if health.retry_at is None or now >= health.retry_at:
            return ""
        wait_s = (health.retry_at - now).total_seconds()
        return f"{name} backs off for another {wait_s:.0f} s after {health.failures} failures: {health.error}"

    def take_changed(self) -> list[EndpointHealth]:
        """Return what has changed since the last call."""
        changed = [self._known[name] for name in sorted(self._changed)]
        self._changed.clear()
        return changed

    def put_back(self, health: list[EndpointHealth]) -> None:
        """Mark health as not stored after all."""
        self._changed.update(item.name for item in health)

    def _put(self, health: EndpointHealth) -> None:
        self._known[health.name] = health
        self._changed.add(health.name)
