"""The old monitor protocol: ``POST APFMON/jobs/APFFID:APFCID`` with a form, best effort."""

import os
import urllib.parse
from typing import Any, List, Optional

from autopyfactory.wrapper.outbox import NotNow, Outbox, Refused
from autopyfactory.wrapper.report import MAX_REPLY_BYTES, TIMEOUT_S, answered
from autopyfactory.wrapper.talk import debug
from autopyfactory.wrapper.web import is_http, opener, post

TRIES = 3


class OldMonitor(object):
    """Tells running, exiting, done or fault."""

    def __init__(self, outbox: Optional[Outbox]) -> None:
        self._outbox = outbox

    def running(self, version: str) -> None:
        """Tell that the wrapper began."""
        self._tell(state="running", wrapper=version)

    def ended(self, code: int, fault: bool, names: List[str]) -> None:
        """Tell how the wrapper ends, and the names of the payloads that it ran."""
        if fault:
            self._tell(state="fault", rc=str(code))
            return
        more = {"ids": ",".join(names)} if names else {}
        self._tell(state="exiting", rc=str(code), **more)
        self._tell(state="done")

    def close(self, within_s: float) -> None:
        """End, with what is waiting delivered if that is possible within the time."""
        if self._outbox is not None:
            self._outbox.close(within_s)

    def _tell(self, **form: str) -> None:
        if self._outbox is not None:
            self._outbox.put(urllib.parse.urlencode(form).encode("ascii"))


def old_monitor_from_environment() -> OldMonitor:
    """Return the monitor that APFMON names, one that does nothing where it names none."""
    base, factory, job = (os.environ.get(name, "") for name in ("APFMON", "APFFID", "APFCID"))
    if not (is_http(base) and factory and job):
        return OldMonitor(None)
    names = ":".join(urllib.parse.quote(name, safe="") for name in (factory, job))
    url = "%s/jobs/%s" % (base.rstrip("/"), names)
    try:
        through = opener(url)
    except OSError as error:
        debug("APFMON: %s" % error)
        return OldMonitor(None)

    def deliver(batch: List[Any]) -> None:
        for form in batch:
            _deliver(form)

    def _deliver(form: bytes) -> None:
        # one that is lost or refused must not keep the later ones back: they tell more
        for turn in range(TRIES):
            try:
                answered(lambda: post(through, url, form, {}, MAX_REPLY_BYTES, TIMEOUT_S))
                return
            except (NotNow, Refused) as error:
                debug("APFMON, try %d: %s" % (turn + 1, error))
                if isinstance(error, Refused):
                    return

    return OldMonitor(Outbox("APFMON", deliver))
