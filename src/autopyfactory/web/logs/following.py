"""Goes on sending a log while it grows."""

import asyncio
import os
from collections.abc import AsyncIterator

from autopyfactory.api import Clock
from autopyfactory.web.problems import Problem

LOOK_S = 1.0
"""From one look at the file to the next, where nothing was added."""
SILENT_S = 600.0
"""A log that does not grow for so long is not followed any further; its pilot has most likely ended."""
LONGEST_S = 3600.0
"""Then whoever follows has to ask anew: who went away unnoticed costs no more than that."""
MOST_FOLLOWERS = 100
FIRST_BYTES = 64 * 1024
"""Of what is there already, so much is sent where nobody says from where on."""
_PIECE = 256 * 1024


class Followers:
    """Those who follow logs at present."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._there = 0

    def check_room(self) -> None:
        """Raise `Problem` 503 where there are as many as there may be."""
        if self._there >= MOST_FOLLOWERS:
            raise Problem(503, "too many logs are being followed", headers={"retry-after": "60"})

    async def follow(self, descriptor: int, start: int) -> AsyncIterator[bytes]:
        """Yield what a file holds from ``start`` on, and what is added to it; then close it.

        It is over when nothing is added for `SILENT_S`, when the file is cut short, or after `LONGEST_S`.
        """
        self._there += 1
        at, silent_s, passed_s = start, 0.0, 0.0
        try:
            while silent_s < SILENT_S and passed_s < LONGEST_S:
                # in a thread: log directories may lie on file servers
                piece, size = await asyncio.to_thread(_look, descriptor, at)
                if size < at:
                    return
                if piece:
                    at, silent_s = at + len(piece), 0.0
                    yield piece
                if len(piece) < _PIECE:
                    await self._clock.sleep(LOOK_S)
                    silent_s, passed_s = silent_s + LOOK_S, passed_s + LOOK_S
        finally:
            self._there -= 1
            os.close(descriptor)


def _look(descriptor: int, at: int) -> tuple[bytes, int]:
    """Return the next bytes of a file, and its size."""
    return os.pread(descriptor, _PIECE, at), os.fstat(descriptor).st_size
