"""A notifier that keeps to its contract, whatever the plugin does."""

import logging

from autopyfactory.api import AutoPyFactoryError, Notifier, NotifyFailed
from autopyfactory.control.boundary import ask

logger = logging.getLogger(__name__)

SEND_S = 300.0
"""A notifier that takes longer for one message has failed, whatever time it gives itself."""
CLOSE_S = 5.0
"""How long the end of a factory, or a reload, waits for a notifier."""


class Guarded:
    """One that hangs, or raises what it should not, has failed to send; nothing else comes of it."""

    def __init__(self, label: str, notifier: Notifier) -> None:
        """``label``: ``notify.NAME``."""
        self._label = label
        self._notifier = notifier

    async def send(self, title: str, body: str) -> None:
        """Send; raises `NotifyFailed` and nothing else."""
        try:
            await ask(self._label, self._notifier.send(title, body), SEND_S, NotifyFailed)
        except NotifyFailed:
            raise
        except AutoPyFactoryError as error:
            raise NotifyFailed(str(error)) from error

    async def close(self) -> None:
        """Close, or say why it could not be closed."""
        try:
            await ask(self._label, self._notifier.close(), CLOSE_S, NotifyFailed)
        except AutoPyFactoryError as error:
            logger.warning("not closed in good order: %s", error, extra={"notify": self._label})
