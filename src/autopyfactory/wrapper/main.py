"""From the command line to the exit code."""

import argparse
import os
from typing import Any, Dict, List

from autopyfactory.wrapper import VERSION
from autopyfactory.wrapper.apfmon import OldMonitor, old_monitor_from_environment
from autopyfactory.wrapper.choice import complete, limits_of, source_of
from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.exits import (
    EXIT_DONE,
    EXIT_ENVIRONMENT,
    EXIT_INVALID,
    EXIT_TERMINATED,
    EXIT_UNREACHABLE,
    EXIT_UNREPORTED,
)
from autopyfactory.wrapper.libc import adopt_orphans
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.options import limit, read_options
from autopyfactory.wrapper.pilot import Pilot
from autopyfactory.wrapper.profile import print_facts, profile_of
from autopyfactory.wrapper.report import (
    EXITING,
    FAULT,
    STARTED,
    VALIDATED,
    Monitor,
    monitor_from_environment,
)
from autopyfactory.wrapper.sources.source import Source
from autopyfactory.wrapper.talk import banner, listen_at, say
from autopyfactory.wrapper.validation.finding import About
from autopyfactory.wrapper.validation.steps import validate

FAULTS = {
    EXIT_UNREPORTED: "the outcome of a payload could not be reported",
    EXIT_UNREACHABLE: "never a usable answer",
    EXIT_ENVIRONMENT: "wrong usage, or the node does not let the pilot work",
    EXIT_INVALID: "a required validation step failed",
}
LAST_WORDS_S = 5.0
"""How long the end waits for reports that are under way."""


def main(arguments: List[str]) -> int:
    """Run a pilot and return its exit code."""
    ending = Ending()
    ending.watch()
    adopt_orphans()
    options = None
    problem = ""
    try:
        options, others = read_options(arguments)
    except UsageError as error:
        problem = str(error)
        say("wrong usage: %s" % problem)
        say("--help tells all options")
    monitor, old = monitor_from_environment(), old_monitor_from_environment()
    if options is None:
        return _end(EXIT_ENVIRONMENT, problem, ending, monitor, old, [])
    listen_at(options.wrapperloglevel)
    return _Run(options, others, ending, monitor, old).run()


class _Run(object):
    def __init__(
        self,
        options: argparse.Namespace,
        others: List[str],
        ending: Ending,
        monitor: Monitor,
        old: OldMonitor,
    ) -> None:
        self._options = options
        self._others = others
        self._ending = ending
        self._monitor = monitor
        self._old = old
        self._node = Node()
        self._why = ""
        self._names: List[str] = []

    def run(self) -> int:
        """Begin, work, end."""
        self._monitor.report(STARTED, "wrapper %s" % VERSION)
        self._old.running(VERSION)
        try:
            code = self._work()
        except (UsageError, OSError) as error:
            self._why = "cannot work here: %s" % error
            say(self._why)
            code = EXIT_ENVIRONMENT
        return _end(code, self._why, self._ending, self._monitor, self._old, self._names)

    def _work(self) -> int:
        options = self._options
        print_facts(self._node, VERSION)
        complete(options)
        source = source_of(options, self._others, self._ending)
        if not self._valid():
            return EXIT_TERMINATED if self._ending.signal else EXIT_INVALID
        if options.wrappermode == "dryrun":
            say("dryrun: no payload is taken")
            return EXIT_DONE
        return self._pilot(source)

    def _valid(self) -> bool:
        options = self._options
        about = About(
            self._node,
            os.getcwd(),
            options.check_timeout,
            options.wrapperserverurl or "",
            options.cores,
            options.memory_mb,
            options.disk_mb,
        )
        checked = validate(options.steps, about, self._ending)
        failed = [each for each in checked if each.step.required and not each.ok]
        self._why = "; ".join("%s: %s" % (each.step.title, each.message) for each in failed)
        data: Dict[str, Any] = {"validation": [each.described() for each in checked]}
        if self._monitor.active and not self._ending.signal:
            data["profile"] = profile_of(self._node, limit(options.benchmark, 1.0))
        if not failed and not self._ending.signal:
            self._monitor.report(VALIDATED, "%d validation steps" % len(checked), **data)
            return True
        if failed:
            self._monitor.report(FAULT, self._why, rc=EXIT_INVALID, **data)
        return False

    def _pilot(self, source: Source) -> int:
        pilot = Pilot(
            self._options, source, limits_of(self._options), self._ending, self._monitor, self._node
        )
        self._monitor.beat(self._options.report_every, pilot.describe)
        try:
            return pilot.run()
        finally:
            self._names = pilot.names
            source.close()


def _end(code: int, why: str, ending: Ending, monitor: Monitor, old: OldMonitor, names: List[str]) -> int:
    fault = code in FAULTS
    told = "told to end by signal %d" % ending.signal if ending.signal else ""
    message = why or told or FAULTS.get(code, "")
    if code != EXIT_INVALID:
        # a node that is not valid has said so already, with all that was found
        monitor.report(FAULT if fault else EXITING, message, rc=code, payloads=len(names))
    old.ended(code, fault, names)
    monitor.close(LAST_WORDS_S)
    old.close(LAST_WORDS_S)
    banner("end, exit code %d" % code)
    return code
