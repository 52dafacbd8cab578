"""Runs validation steps, each within its time, and tells what they found."""

import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.talk import banner, say
from autopyfactory.wrapper.validation import (
    cgroup,
    clock,
    commands,
    container,
    cpus,
    credential,
    cvmfs,
    disk,
    dns,
    gpu,
    http,
    memory,
    script,
    write,
)
from autopyfactory.wrapper.validation.finding import About, Finding, WrongArgument, failed

STEPS: Dict[str, Callable[[str, About], Finding]] = {
    "cgroup": cgroup.check,
    "clock": clock.check,
    "commands": commands.check,
    "container": container.check,
    "cpus": cpus.check,
    "credential": credential.check,
    "cvmfs": cvmfs.check,
    "disk": disk.check,
    "dns": dns.check,
    "gpu": gpu.check,
    "http": http.check,
    "memory": memory.check,
    "script": script.check,
    "write": write.check,
}


class Step(NamedTuple):
    """One step as the command line names it."""

    name: str
    argument: str
    required: bool

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return "%s=%s" % (self.name, self.argument) if self.argument else self.name


class Checked(NamedTuple):
    """What came of a step."""

    step: Step
    ok: bool
    seconds: float
    message: str
    data: Optional[Dict[str, Any]]

    def described(self) -> Dict[str, Any]:
        """Return it as reports carry it."""
        result: Dict[str, Any] = {
            "step": self.step.title,
            "required": self.step.required,
            "ok": self.ok,
            "seconds": self.seconds,
            "message": self.message,
        }
        if self.data:
            result["data"] = self.data
        return result


def read_step(text: str, required: bool) -> Step:
    """Read ``NAME[=ARGUMENT]``; raises `UsageError`."""
    name, _, argument = text.partition("=")
    if name not in STEPS:
        raise UsageError("no validation step is called %r; known: %s" % (name, ", ".join(sorted(STEPS))))
    return Step(name, argument, required)


def validate(steps: List[Step], about: About, ending: Ending) -> List[Checked]:
    """Run the steps in their order; all of them, so that a report tells everything that is wrong."""
    if steps:
        banner("validation")
    results = []
    for step in steps:
        if ending.signal:
            break
        checked = _run(step, about, ending)
        grade = "ok" if checked.ok else "FAILED" if step.required else "not ok (advisory)"
        say("%s: %s, %.1f s: %s" % (step.title, grade, checked.seconds, checked.message))
        results.append(checked)
    return results


def _run(step: Step, about: About, ending: Ending) -> Checked:
    # in a thread of its own: a file system that hangs must not hang the pilot
    found: List[Finding] = []
    started = time.monotonic()
    thread = threading.Thread(target=_check, args=(step, about, found), name=step.name, daemon=True)
    thread.start()
    while thread.is_alive() and time.monotonic() - started < about.timeout_s and not ending.signal:
        thread.join(0.1)
    seconds = round(time.monotonic() - started, 3)
    finding = found[0] if found else failed("no result within %g s" % about.timeout_s)
    return Checked(step, finding.ok, seconds, finding.message, finding.data)


def _check(step: Step, about: About, found: List[Finding]) -> None:
    try:
        found.append(STEPS[step.name](step.argument, about))
    except WrongArgument as error:
        found.append(failed("wrong argument: %s" % error))
    except (OSError, ValueError) as error:
        found.append(failed(str(error) or type(error).__name__))
