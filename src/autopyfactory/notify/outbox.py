"""Messages on their way: what could not be sent is tried again, and what had to be dropped is said."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from autopyfactory.api import NotifyFailed
from autopyfactory.notify.message import Message, one_line

logger = logging.getLogger(__name__)

WAITING = 100
"""Messages that wait at most; the oldest make room for new ones."""
CEILING_S = 3600
PARTLY_TRIES = 3
"""A message that somebody has is tried that often: one dead address must not keep the others waiting."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is sent."""

    title: str
    body: str


@dataclass(slots=True)
class _State:
    """Everything that outlives a restart."""

    head: Letter | None = None
    """The one that is being sent: it stays the same, letter by letter, until it is through or given up."""
    failures: int = 0
    """Of the head, in a row."""
    retry_at: datetime | None = None
    waiting: deque[Letter] = field(default_factory=deque)
    dropped: int = 0
    """Not yet said."""
    error: str = ""
    """The last error; empty since the last success."""


_STATE = TypeAdapter(_State)


class Outbox:
    """The messages of one ``[notify.NAME]``, oldest first.  It sends nothing itself and asks no clock."""

    def __init__(self, name: str, retry_s: float) -> None:
        """``retry_s``: from the first failure to the second try."""
        self._retry_s = retry_s
        self._fields = {"action": "notify", "notify": name}
        self._state = _State()

    def put(self, message: Message) -> None:
        """Add a message; where too many wait, the oldest of them is dropped."""
        state = self._state
        state.waiting.append(Letter(message.title, message.body))
        if len(state.waiting) > WAITING:
            self._drop(state.waiting.popleft())

    def due(self, now: datetime) -> Letter | None:
        """Return what is to be sent now, the same again until `sent` or `failed` is called; None: nothing."""
        state = self._state
        if state.retry_at is not None and now < state.retry_at:
            return None
        if state.head is None and state.waiting:
            state.head = self._confessed(state.waiting.popleft())
        return state.head

    def sent(self) -> None:
        """Note that the due message is through."""
        self._done()
        self._state.error = ""

    def failed(self, error: NotifyFailed, now: datetime) -> None:
        """Note that the due message did not reach everyone, and when to try again."""
        state = self._state
        state.failures += 1
        state.error = one_line(str(error))
        if error.partly and state.failures >= PARTLY_TRIES and state.head is not None:
            self._drop(state.head)
            self._done()
            return
        delay_s = min(CEILING_S, self._retry_s * 2.0 ** min(state.failures - 1, 30))
        state.retry_at = now + timedelta(seconds=delay_s)
        logger.warning(
            "a message to operators was not sent, next try in %.0f s: %s",
            delay_s,
            state.error,
            extra=self._fields,
        )

    @property
    def pending(self) -> int:
        """How many messages are on their way."""
        return len(self._state.waiting) + (self._state.head is not None)

    @property
    def error(self) -> str:
        """Why the last attempt failed; empty since the last success."""
        return self._state.error

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes, as values that JSON knows."""
        kept: dict[str, Any] = _STATE.dump_python(self._state, mode="json")
        return kept

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on where another outbox was.  Raises `ValueError` where it is no such state."""
        self._state = _STATE.validate_python(dict(kept))

    def _confessed(self, letter: Letter) -> Letter:
        """Return the letter with a word on those that were dropped before it."""
        state = self._state
        if not state.dropped:
            return letter
        n, state.dropped = state.dropped, 0
        because = f"; the last error: {state.error}" if state.error else ""
        said = f"Messages that did not reach everyone before this one: {n}{because}"
        return Letter(letter.title, f"{letter.body}\n{said}\n")

    def _done(self) -> None:
        state = self._state
        state.head, state.failures, state.retry_at = None, 0, None

    def _drop(self, letter: Letter) -> None:
        self._state.dropped += 1
        logger.error(
            "a message to operators was dropped: %s; %s", letter.title, self._state.error, extra=self._fields
        )
