"""Tells operators through the factory's own log."""

import logging

from autopyfactory.api import Context, Settings

logger = logging.getLogger(__name__)


class LogSettings(Settings):
    """There is nothing to set."""


class LogNotifier:
    """Writes each message as one warning: the title as its text, the body as a field and below it."""

    Settings = LogSettings

    def __init__(self, settings: LogSettings, context: Context) -> None:
        self._fields = {"action": "notice", "notify": context.instance}

    async def send(self, title: str, body: str) -> None:
        """Log the message."""
        logger.warning("%s\n%s", title, body.rstrip(), extra=self._fields)

    async def close(self) -> None:
        """Do nothing."""
