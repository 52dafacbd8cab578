"""One ``[notify.NAME]`` at work: a desk that decides, an outbox that remembers, a notifier that sends."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from autopyfactory.api import Notifier, NotifyFailed, NotifySettings
from autopyfactory.model import FactoryId, Notice
from autopyfactory.notify.desk import NoticeDesk
from autopyfactory.notify.outbox import Outbox


class Channel:
    """Takes in what is wrong and gets it to operators.

    To lose nothing in a crash, keep `state` after each `observe` and after each `deliver`: a message that was
    sent just before the crash may then be sent a second time, and none is lost.
    """

    def __init__(self, name: str, factory: FactoryId, settings: NotifySettings, notifier: Notifier) -> None:
        self.name = name
        self._desk = NoticeDesk(factory, settings)
        self._outbox = Outbox(name, settings.retry_s)
        self._notifier = notifier
        self._sending = asyncio.Lock()

    def observe(self, active: Collection[Notice], now: datetime) -> None:
        """Take in all that is wrong at ``now``; what is to be told waits for `deliver`."""
        for message in self._desk.observe(active, now):
            self._outbox.put(message)

    async def deliver(self, now: datetime) -> None:
        """Send what is due, oldest first, up to the first failure.  While one call is at it others return.

        A failure is logged, shown by `trouble`, and tried again in a later call, after a back-off.
        """
        if self._sending.locked():
            return
        async with self._sending:
            while (letter := self._outbox.due(now)) is not None:
                try:
                    await self._notifier.send(letter.title, letter.body)
                except NotifyFailed as error:
                    self._outbox.failed(error, now)
                else:
                    self._outbox.sent()

    def is_due(self, now: datetime) -> bool:
        """Whether `deliver` would send anything now."""
        return self._outbox.due(now) is not None

    @property
    def trouble(self) -> str:
        """Why the last message did not get through, for operators who look; empty where all is well."""
        if not self._outbox.error:
            return ""
        return f"notify.{self.name}: {self._outbox.error} ({self._outbox.pending} messages wait)"

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes, as values that JSON knows."""
        return {"desk": self._desk.state(), "outbox": self._outbox.state()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on where an earlier run was.  Raises `ValueError` where it is no such state."""
        self._desk.restore(kept.get("desk", {}))
        self._outbox.restore(kept.get("outbox", {}))

    async def close(self) -> None:
        """Close the notifier; what waits is in `state`."""
        await self._notifier.close()
