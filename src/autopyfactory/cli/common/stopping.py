"""SIGTERM and SIGINT: the first asks for an orderly end, the second ends at once."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def orderly_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first signal; at the second leave the process at once, with 128 + its number.

    Leaving at once loses nothing either: every pilot was planned in the store before it was sent.
    """
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        logger.info(
            "%s: stopping in good order; once more stops at once", number.name, extra={"action": "stop"}
        )
        stop()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
