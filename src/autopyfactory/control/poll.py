"""One poller per endpoint: asks at an interval and keeps the last good answer with its age."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from autopyfactory.api import AutoPyFactoryError, Clock, StoreUnavailable
from autopyfactory.config.tree import EndpointSettings
from autopyfactory.control.health import BackOff, HealthBook
from autopyfactory.model import InputAge

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A good answer; what it says was true no earlier than ``asked_at``."""

    value: T
    asked_at: datetime


class Poller(Generic[T]):
    """Asks one endpoint by ``question``, which is given the time of asking.

    `current` gives the last good answer while that is fresh enough to act on.
    """

    def __init__(
        self,
        name: str,
        question: Callable[[datetime], Awaitable[T]],
        unavailable: type[AutoPyFactoryError],
        settings: EndpointSettings,
        clock: Clock,
        health: HealthBook,
    ) -> None:
        self.name = name
        self._question = question
        self._unavailable = unavailable
        self._settings = settings
        self._clock = clock
        self._health = health
        self._answer: Answer[T] | None = None
        self._asking = asyncio.Lock()
        self.polled = asyncio.Event()
        """Set once it has been asked, well or not."""

    async def poll(self) -> None:
        """Ask once; a failure is noted and changes nothing else.  Askings wait for each other."""
        try:
            async with self._asking:
                await self._poll()
        finally:
            self.polled.set()

    async def _poll(self) -> None:
        asked_at = self._clock.now()
        try:
            value = await self._question(asked_at)
        except (self._unavailable, StoreUnavailable) as error:
            self._health.failed(self.name, self._clock.now(), str(error), self._back_off)
            return
        self._answer = Answer(value, asked_at)
        self._health.succeeded(self.name, self._clock.now())

    def current(self, now: datetime) -> Answer[T] | None:
        """Return the last good answer, or None where there is none young enough."""
        if self._answer is None or self._age_s(now) > self._settings.stale_s:
            return None
        return self._answer

    def age(self, now: datetime) -> InputAge:
        """Return how old the last good answer is, and why it cannot be used, if so."""
        if self._answer is None:
            return InputAge(self.name, None, self._health.of(self.name).error or "no answer yet")
        age_s = self._age_s(now)
        if age_s <= self._settings.stale_s:
            return InputAge(self.name, age_s)
        cause = self._health.of(self.name).error or "no newer answer"
        return InputAge(self.name, age_s, f"older than {self._settings.stale_s:g} s: {cause}")

    async def once(self) -> float:
        """Ask once, and return how long to wait before the next time."""
        await self.poll()
        return self._pause_s(self._clock.now())

    def _pause_s(self, now: datetime) -> float:
        retry_at = self._health.of(self.name).retry_at
        if retry_at is None:
            return self._settings.interval_s
        return max(0.0, (retry_at - now).total_seconds())

    @property
    def _back_off(self) -> BackOff:
        interval_s = self._settings.interval_s
        return BackOff(first_s=interval_s, ceiling_s=max(interval_s, min(10 * interval_s, 900)))

    def _age_s(self, now: datetime) -> float:
        assert self._answer is not None  # noqa: S101 - callers have looked
        return (now - self._answer.asked_at).total_seconds()
