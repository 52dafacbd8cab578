"""Messages that a thread delivers in the background, and that never hold anything up."""

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List

from autopyfactory.wrapper.ending import Backoff
from autopyfactory.wrapper.talk import debug, say

ROOM = 500
BATCH = 50


class Refused(Exception):
    """The other side wants nothing from here, now or later."""


class NotNow(Exception):
    """It did not get there; later it may."""


class Outbox(object):
    """Delivers messages in their order, some at a time; the oldest are dropped where there are too many.

    ``deliver`` sends a batch; it raises `Refused`, after which nothing is sent any more, or `NotNow`, after
    which the same batch is tried again.
    """

    def __init__(self, name: str, deliver: Callable[[List[Any]], None], most_backoff_s: float = 60.0) -> None:
        self._name = name
        self._deliver = deliver
        self._most_backoff_s = most_backoff_s
        self._waiting: Deque[Any] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._closed = False
        self._refused = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, message: Any) -> None:
        """Take a message; returns at once."""
        with self._changed:
            if self._refused or self._closed:
                return
            if len(self._waiting) >= ROOM:
                self._waiting.popleft()
            self._waiting.append(message)
            self._changed.notify_all()

    def close(self, within_s: float) -> None:
        """Wait until all is delivered, but not longer than told; what is left then is lost."""
        until = time.monotonic() + within_s
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while (self._waiting or self._busy) and not self._refused and time.monotonic() < until:
                self._changed.wait(min(0.2, max(0.01, until - time.monotonic())))
            lost = len(self._waiting)
        if lost and not self._refused:
            say("%s: %d messages were not delivered" % (self._name, lost))

    def _run(self) -> None:
        backoff = Backoff(self._most_backoff_s)
        while True:
            batch = self._take()
            if not batch:
                return
            try:
                self._deliver(batch)
            except Refused as error:
                say("%s: nothing is sent any more: %s" % (self._name, error))
                with self._changed:
                    self._refused = True
                    self._busy = False
                    self._waiting.clear()
                    self._changed.notify_all()
                return
            except NotNow as error:
                debug("%s: %s" % (self._name, error))
                with self._changed:
                    self._put_back(batch)
                    # once closed there is little time: the pauses grow no more
                    self._changed.wait(0.5 if self._closed else backoff.next())
                continue
            backoff = Backoff(self._most_backoff_s)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _take(self) -> List[Any]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait(1.0)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._busy = bool(batch)
            return batch

    def _put_back(self, batch: List[Any]) -> None:
        self._waiting.extendleft(reversed(batch))
        while len(self._waiting) > ROOM:
            self._waiting.popleft()
        self._busy = False
