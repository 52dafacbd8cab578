"""The pilot: asks for payloads, runs them one after the other, reports."""

import argparse
import threading
import time
from typing import Any, Dict, List, Optional

from autopyfactory.wrapper.ending import MAX_BACKOFF_S, Backoff, Ending
from autopyfactory.wrapper.errors import BadPayload, Unanswered
from autopyfactory.wrapper.exits import (
    EXIT_DONE,
    EXIT_EMPTY,
    EXIT_ENVIRONMENT,
    EXIT_TERMINATED,
    EXIT_UNREACHABLE,
    EXIT_UNREPORTED,
)
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.payload import (
    CANNOT_RUN,
    Outcome,
    Usage,
    new_directory,
    outcome_of,
    remove_directory,
    show_output,
    start,
)
from autopyfactory.wrapper.report import HEARTBEAT, PAYLOAD, Monitor
from autopyfactory.wrapper.sources.source import Source, Work
from autopyfactory.wrapper.supervise import Limits, Supervisor
from autopyfactory.wrapper.talk import banner, debug, say

LAST_REPORT_S = 20
"""How long a pilot that was told to end goes on trying to report."""
PILOT_FAULT = 1099
"""PanDA's pilot error code for trouble that is not the payload's."""


class Heartbeat(threading.Thread):
    """Tells the WMS at intervals that a payload runs, and learns whether it shall end."""

    def __init__(self, work: Work, every_s: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._work = work
        self._every_s = every_s
        self._ended = threading.Event()
        self.unwanted = False

    def run(self) -> None:
        """Report until `end` is called."""
        pause_s = 0.0
        while not self._ended.wait(pause_s):
            try:
                if not self._work.beat():
                    self.unwanted = True
                    return
                pause_s = self._every_s
            except Unanswered as error:
                say("heartbeat of job %s: %s" % (self._work.name, error))
                pause_s = self._every_s / 2

    def end(self) -> None:
        """Report no more.  A call that is under way is left alone: the WMS tells it from the outcome."""
        self._ended.set()


class Pilot(object):
    """Works off what a source hands out."""

    def __init__(
        self,
        options: argparse.Namespace,
        source: Source,
        limits: Limits,
        ending: Ending,
        monitor: Monitor,
        node: Node,
    ) -> None:
        self._options = options
        self._source = source
        self._limits = limits
        self._ending = ending
        self._monitor = monitor
        self._node = node
        self._answered = False
        self._unreported = 0
        self._broken = False
        self._payload_code = 0
        self._running: Optional[Supervisor] = None
        self.names: List[str] = []
        """Of the payloads that were taken."""

    def describe(self) -> Dict[str, Any]:
        """Return what a heartbeat tells of the payload that runs."""
        running = self._running
        if running is None or not self.names:
            return {}
        return dict(running.usage()._asdict(), payload=self.names[-1])

    def run(self) -> int:
        """Work until the lifetime, the work or the patience is out; return the exit code."""
        started = time.monotonic()
        idle_until = started + self._options.idle
        away_until: Optional[float] = None
        backoff = Backoff()
        while self._may_ask(started):
            try:
                work = self._source.next()
            except BadPayload as error:
                # nothing to report it under, its lease will end; not asked again at once, for the same answer
                say(str(error))
                self._ending.pause(self._options.poll)
                continue
            except Unanswered as error:
                say(str(error))
                if away_until is None:
                    away_until = time.monotonic() + self._options.patience
                if time.monotonic() >= away_until:
                    say("giving up after %g s without a usable answer" % self._options.patience)
                    break
                self._ending.pause(min(backoff.next(), away_until - time.monotonic()))
                continue
            self._answered, away_until, backoff = True, None, Backoff()
            if work is not None:
                self._process(work)
                idle_until = time.monotonic() + self._options.idle
            elif time.monotonic() >= idle_until:
                say("the WMS has no work for this pilot")
                break
            else:
                debug("no work now")
                self._ending.pause(min(self._options.poll, idle_until - time.monotonic()))
        return self._exit_code()

    def _may_ask(self, started: float) -> bool:
        if self._ending.signal or self._broken:
            return False
        if self._options.max_payloads and len(self.names) >= self._options.max_payloads:
            say("%d payloads are enough" % len(self.names))
            return False
        if time.monotonic() - started >= self._options.lifetime:
            say("the lifetime of %g s is over" % self._options.lifetime)
            return False
        return True

    def _process(self, work: Work) -> None:
        self.names.append(work.name)
        banner("job %s, attempt %s" % (work.name, work.attempt))
        self._monitor.report(PAYLOAD, "started", payload=work.name, attempt=work.attempt, status="running")
        directory = ""
        used = Usage(0.0, 0.0, 0.0)
        try:
            directory = new_directory(work.name)
            outcome, used = self._execute(work, directory)
        except BadPayload as error:
            outcome = Outcome(CANNOT_RUN, str(error), pilot_error=PILOT_FAULT)
        except OSError as error:
            # no room, no right to write: the next job would fare no better
            self._broken = True
            why = "the node does not let the pilot work: %s" % error
            outcome = Outcome(CANNOT_RUN, why, pilot_error=PILOT_FAULT)
        self._tell(work, outcome, used)
        self._report(work, outcome)
        if directory:
            remove_directory(directory)

    def _execute(self, work: Work, directory: str) -> Any:
        process = start(work.prepare(directory), directory)
        heartbeat = Heartbeat(work, work.beat_s or 0.0)
        if work.beat_s is not None:
            heartbeat.start()
        supervisor = Supervisor(process, directory, self._limits, self._ending, self._node, work.echo)
        self._running = supervisor
        returned, stop = supervisor.run(
            lambda: heartbeat.unwanted,
            lambda why: self._monitor.report(HEARTBEAT, "stopping: " + why, payload=work.name),
        )
        self._running = None
        heartbeat.end()
        if not work.echo:
            show_output(directory)
        if stop is not None:
            outcome = Outcome(128 + stop.number, "stopped: " + stop.why, pilot_error=stop.pilot_error)
        else:
            outcome = outcome_of(returned, directory)
        return outcome, supervisor.usage()

    def _tell(self, work: Work, outcome: Outcome, used: Usage) -> None:
        said = outcome.diag or "exit code 0"
        say("job %s %s: %s" % (work.name, outcome.status, said))
        self._payload_code = outcome.exit_code or (1 if outcome.diag else 0) or self._payload_code
        self._monitor.report(
            PAYLOAD,
            said,
            payload=work.name,
            attempt=work.attempt,
            status=outcome.status,
            exit_code=outcome.exit_code,
            pilot_error=outcome.pilot_error,
            **used._asdict(),
        )

    def _report(self, work: Work, outcome: Outcome) -> None:
        backoff = Backoff(MAX_BACKOFF_S if work.beat_s is None else min(MAX_BACKOFF_S, work.beat_s))
        until = time.monotonic() + self._options.report_limit
        while True:
            if self._ending.signal:
                until = min(until, time.monotonic() + LAST_REPORT_S)
            try:
                work.report(outcome)
                return
            except Unanswered as error:
                say("outcome of job %s: %s" % (work.name, error))
            pause_s = min(backoff.next(), until - time.monotonic())
            if pause_s > 0 and self._ending.signal:
                time.sleep(min(pause_s, 1.0))
            elif pause_s > 0:
                self._ending.pause(pause_s)
            else:
                say("the outcome of job %s could not be reported" % work.name)
                self._unreported += 1
                return

    def _exit_code(self) -> int:
        if self._ending.signal:
            say("told to end by signal %d" % self._ending.signal)
            return EXIT_TERMINATED
        if self._broken:
            return EXIT_ENVIRONMENT
        if self._unreported:
            return EXIT_UNREPORTED
        if self.names:
            return self._payload_code if self._source.own_exit_code else EXIT_DONE
        return EXIT_EMPTY if self._answered else EXIT_UNREACHABLE
