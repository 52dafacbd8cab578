"""Reports to the factory's monitor: state changes, heartbeats, what was found on the node.

``POST APF_REPORT_URL/api/v1/pilots/APF_PILOT/reports`` with ``Authorization: Bearer APF_PILOT_TOKEN`` and
``{"reports": [{"seq", "at", "state", "host", "message", "data"}]}``. A repeated ``seq`` is the same report.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.parse
from typing import Any, Callable, Dict, List, Optional

from autopyfactory.wrapper.outbox import NotNow, Outbox, Refused
from autopyfactory.wrapper.profile import host_name
from autopyfactory.wrapper.talk import say
from autopyfactory.wrapper.web import TROUBLE, is_http, opener, post, told

STARTED, VALIDATED, PAYLOAD, EXITING, FAULT = "started", "validated", "payload", "exiting", "fault"
HEARTBEAT = "heartbeat"
MESSAGE_CHARACTERS = 1000
DATA_CHARACTERS = 60000
"""Of one report's data as JSON; the monitor takes somewhat more."""
TIMEOUT_S = 10
MAX_REPLY_BYTES = 1 << 16
RETRIED = (408, 425, 429)
"""Besides all from 500 on; any other answer than a good one is final."""


class Monitor(object):
    """Takes reports for the factory's monitor; without one it takes them and does nothing."""

    def __init__(self, outbox: Optional[Outbox] = None) -> None:
        self._outbox = outbox
        self._host = host_name() if outbox else ""
        self._seq = 0
        self._lock = threading.Lock()
        self._heart: Optional[_Heart] = None

    @property
    def active(self) -> bool:
        """Whether anybody receives reports."""
        return self._outbox is not None

    def report(self, state: str, message: str = "", **data: Any) -> None:
        """Send a report in the background; returns at once."""
        if self._outbox is None:
            return
        with self._lock:
            self._seq += 1
            self._outbox.put(
                {
                    "seq": self._seq,
                    "at": now(),
                    "state": state,
                    "host": self._host,
                    "message": message[:MESSAGE_CHARACTERS].replace("\0", " "),
                    "data": fitting(data),
                }
            )

    def beat(self, every_s: float, describe: Callable[[], Dict[str, Any]]) -> None:
        """Report from now on at intervals that the pilot lives, with what ``describe`` tells."""
        if self._outbox is not None and every_s > 0:
            self._heart = _Heart(every_s, lambda: self.report(HEARTBEAT, **describe()))
            self._heart.start()

    def close(self, within_s: float) -> None:
        """End, with what is waiting delivered if that is possible within the time."""
        if self._heart is not None:
            self._heart.stop.set()
        if self._outbox is not None:
            self._outbox.close(within_s)


def fitting(data: Dict[str, Any]) -> Dict[str, Any]:
    """Return the data without the largest parts, as far as a report would be too large otherwise.

    A report that the monitor refuses for its size would be the last one.
    """
    fits = dict(data)
    while len(json.dumps(fits)) > DATA_CHARACTERS:
        largest = max(fits, key=lambda name: len(json.dumps(fits[name])))
        fits[largest] = "left out: too large"
    return fits


class _Heart(threading.Thread):
    def __init__(self, every_s: float, beat: Callable[[], None]) -> None:
        super().__init__(name="monitor heartbeat", daemon=True)
        self.stop = threading.Event()
        self._every_s = every_s
        self._beat = beat

    def run(self) -> None:
        while not self.stop.wait(self._every_s):
            self._beat()


def now() -> str:
    """Return the time in UTC to a millisecond."""
    at = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".%03dZ" % (at % 1 * 1000)


def monitor_from_environment() -> Monitor:
    """Return the monitor that the factory named, one that does nothing where it named none."""
    base, pilot, token = (
        os.environ.get(name, "") for name in ("APF_REPORT_URL", "APF_PILOT", "APF_PILOT_TOKEN")
    )
    if not base:
        return Monitor()
    if not (is_http(base) and pilot and token):
        say("no reports: APF_REPORT_URL is no URL, or APF_PILOT or APF_PILOT_TOKEN is missing")
        return Monitor()
    url = "%s/api/v1/pilots/%s/reports" % (base.rstrip("/"), urllib.parse.quote(pilot, safe=""))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + token}
    try:
        through = opener(url)
    except OSError as error:
        say("no reports: %s" % error)
        return Monitor()

    def deliver(batch: List[Any]) -> None:
        # what is no text, from a command line say, must not make all of it unreadable
        body = json.dumps({"reports": batch}, ensure_ascii=False).encode("utf-8", "replace")
        answered(lambda: post(through, url, body, headers, MAX_REPLY_BYTES, TIMEOUT_S))

    return Monitor(Outbox("reports to %s" % base, deliver))


def answered(call: Callable[[], object]) -> None:
    """Make a call, and tell the final failures from those that may pass: `Refused`, `NotNow`."""
    try:
        call()
    except urllib.error.HTTPError as error:
        code = error.code
        if code >= 500 or code in RETRIED:
            raise NotNow(told(error)) from error
        raise Refused(told(error)) from error
    except TROUBLE as error:
        raise NotNow(told(error)) from error
