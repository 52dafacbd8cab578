"""What is submitted: the ``pilot`` table of a queue made into a `PilotSpec`."""

import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autopyfactory.api import did_you_mean
from autopyfactory.bundle import BUILTIN_WRAPPER, wrapper_path
from autopyfactory.config.node import Leaf, Table
from autopyfactory.config.placeholders import Complaint, Placeholders
from autopyfactory.config.problems import Problems
from autopyfactory.config.tree import Endpoint, FactorySettings, PilotSettings
from autopyfactory.model import PilotSpec, QueueName, WmsQueue

_BUILTIN = "builtin:"
_MONITOR = "APFMON"
"""The variable by which wrappers know a monitor."""
_WRAPPER_ARGUMENTS = (
    "--wrapperserverurl",
    "{wms.url}",
    "--wrapperwmsqueue",
    "{wms_queue}",
    "--wrapperbatchqueue",
    "{queue}",
    "--cores",
    "{cores}",
    "--memory-mb",
    "{memory_mb}",
    "--disk-mb",
    "{disk_mb}",
)


@dataclass(frozen=True, slots=True)
class SpecContext:
    """What a queue's pilot is described with, beside its own settings."""

    queue: QueueName
    wms_queue: WmsQueue
    factory: FactorySettings
    wms: Endpoint | None
    """None where it is unknown or wrong, which has been reported."""
    base: Path
    monitor_url: str = ""
    """Where its pilots report by the monitors' protocol; empty: they do not."""


class SpecBuilder:
    """Makes the description of one queue's pilots; what is wrong is reported where it is written."""

    def __init__(self, context: SpecContext, pilot: PilotSettings, table: Table, problems: Problems) -> None:
        """Take the queue's merged table as well, to know where things are written."""
        self._context = context
        self._pilot = pilot
        self._table = table
        self._problems = problems
        self._placeholders = Placeholders(
            context.queue, context.wms_queue, context.factory, context.wms, pilot
        )

    def build(self) -> PilotSpec:
        """Return the specification of this queue's pilots."""
        context, pilot = self._context, self._pilot
        return PilotSpec(
            queue=context.queue,
            executable=self._executable(pilot.executable),
            arguments=self._arguments(pilot.arguments),
            environment=self._environment(pilot.environment),
            inputs=tuple(self._readable(path, "inputs", i) for i, path in enumerate(pilot.inputs)),
            cores=pilot.cores,
            memory_mb=pilot.memory_mb,
            disk_mb=pilot.disk_mb,
            gpus=pilot.gpus,
            walltime_s=pilot.walltime_s,
            attributes=self._filled("attributes", pilot.attributes),
            log_dir=context.factory.log_dir,
            log_url=context.factory.log_url,
        )

    def _executable(self, named: str) -> Path:
        if not named.startswith(_BUILTIN):
            return self._readable(Path(named), "executable")
        if named != BUILTIN_WRAPPER:
            hint = did_you_mean(named, [BUILTIN_WRAPPER]) or f"known: {BUILTIN_WRAPPER}"
            name = named.removeprefix(_BUILTIN)
            self._complain("executable")(f'nothing built in is called "{name}"', hint)
            return Path(named)
        # written by whoever runs the factory: reading a configuration changes nothing
        return wrapper_path(self._context.factory.state_dir)

    def _readable(self, named: Path, *steps: str | int) -> Path:
        path = self._context.base / named
        complain = self._complain(*steps)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            complain(f"cannot read {path}: {error.strerror}", "")
            return path
        if not stat.S_ISREG(mode):
            complain(f"{path} is not a file", "")
        elif not os.access(path, os.R_OK):
            complain(f"this user may not read {path}", "")
        return path

    def _arguments(self, given: str | tuple[str, ...] | None) -> tuple[str, ...]:
        if given is None:
            has_url = self._placeholders.has("wms.url")
            words = _WRAPPER_ARGUMENTS if self._pilot.executable == BUILTIN_WRAPPER and has_url else ()
            return tuple(self._fill(word, "arguments") for word in words)
        if isinstance(given, str):
            return tuple(self._fill(word, "arguments") for word in self._split(given))
        return tuple(self._fill(word, "arguments", i) for i, word in enumerate(given))

    def _split(self, line: str) -> list[str]:
        try:
            return shlex.split(line)
        except ValueError as error:
            self._complain("arguments")(
                f"not a command line: {str(error).lower()}", "a list of words needs no quotes"
            )
            return []

    def _environment(self, variables: Mapping[str, str]) -> Mapping[str, str]:
        for name in variables:
            if not name or "=" in name or "\0" in name:
                self._complain("environment", name)("this cannot be the name of a variable", "")
        told = {_MONITOR: self._context.monitor_url} if self._context.monitor_url else {}
        return {**told, **self._filled("environment", variables)}

    def _filled(self, key: str, texts: Mapping[str, str]) -> Mapping[str, str]:
        return {name: self._fill(text, key, name) for name, text in texts.items()}

    def _fill(self, text: str, *steps: str | int) -> str:
        node = self._table.at(("pilot", *steps))
        if isinstance(node, Leaf) and node.referenced:
            # a secret may hold braces of its own
            return text
        return self._placeholders.fill(text, self._complain(*steps))

    def _complain(self, *steps: str | int) -> Complaint:
        """Return what adds a problem at the place of a key of the ``pilot`` table."""
        node = self._table.at(("pilot", *steps))

        def complain(problem: str, hint: str) -> None:
            if not (isinstance(node, Leaf) and node.missing):
                self._problems.add(node.place, problem, hint)

        return complain
