"""How a queue stands, in one word that can be filtered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from autopyfactory.api import NewestCycle
from autopyfactory.config import Config
from autopyfactory.model import EndpointHealth, Override, QueueName, SiteStatus

_SILENT_CYCLES = 5
"""After that many intervals without a cycle nobody decides for a queue any more."""


class State(StrEnum):
    """How a queue stands."""

    ONLINE = "online"
    TEST = "test"
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    BREAKER = "breaker"
    BACKOFF = "back-off"
    DRAINED = "drained"
    DOWNTIME = "downtime"
    STARTING = "starting"
    SILENT = "silent"
    DISABLED = "disabled"
    LEAVING = "leaving"


TONES: Mapping[State, str] = {
    State.ONLINE: "good",
    State.TEST: "calm",
    State.OFFLINE: "off",
    State.UNKNOWN: "warn",
    State.BREAKER: "bad",
    State.BACKOFF: "bad",
    State.DRAINED: "off",
    State.DOWNTIME: "off",
    State.STARTING: "calm",
    State.SILENT: "bad",
    State.DISABLED: "off",
    State.LEAVING: "off",
}
"""The colour of each: where nothing is wrong there is none."""

_SITES = {
    SiteStatus.OFFLINE: State.OFFLINE,
    SiteStatus.BROKEROFF: State.OFFLINE,
    SiteStatus.TEST: State.TEST,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a queue stands, and why."""

    state: State
    why: str = ""

    @property
    def tone(self) -> str:
        """The class of its colour."""
        return TONES[self.state]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of all queues."""

    config: Config
    health: Mapping[str, EndpointHealth]
    overrides: Mapping[QueueName, Override]
    now: datetime

    def of(self, name: QueueName, newest: NewestCycle | None) -> Standing:
        """Return how one stands."""
        return self._held_back(name, newest) or _as_seen(newest)

    def _held_back(self, name: QueueName, newest: NewestCycle | None) -> Standing | None:
        queue = self.config.queues.get(name)
        if queue is None:
            return Standing(State.LEAVING, "no longer configured; its pilots are watched to their end")
        if not queue.settings.enabled:
            return Standing(State.DISABLED, "disabled in the configuration")
        if newest is not None and self._is_silent(newest, queue.settings.interval_s):
            return Standing(State.SILENT, "no cycle for long: does the factory run?")
        override = self.overrides.get(name)
        if override is not None and (why := override.holds_back(self.now)):
            return Standing(State(override.kind.value), why)
        health = self.health.get(f"queue.{name}")
        if health is not None and health.retry_at is not None and health.retry_at > self.now:
            return Standing(State.BACKOFF, f"{health.failures} submissions failed in a row: {health.error}")
        return None

    def _is_silent(self, newest: NewestCycle, interval_s: float) -> bool:
        return self.now - newest.sample.at > timedelta(seconds=_SILENT_CYCLES * interval_s + 60)


def _as_seen(newest: NewestCycle | None) -> Standing:
    if newest is None:
        return Standing(State.STARTING, "no cycle yet")
    if newest.breaker not in ("", "closed"):
        return Standing(State.BREAKER, f"its breaker is {newest.breaker}")
    if newest.sample.jobs.ready is None or newest.sample.pilots is None:
        return Standing(State.UNKNOWN, "a number is not known, and nothing is submitted on it")
    site = newest.site_status
    return Standing(
        _SITES.get(site, State.ONLINE), "" if site is SiteStatus.ONLINE else f"the site is {site}"
    )
