"""``script=PATH``: a check of the site's own, any executable.

Exit code 0 is good.  It may print a JSON object: its ``message`` is shown, ``"ok": false`` fails the step
whatever the exit code, and the whole object is reported.
"""

import json
import os
from typing import Any, Dict

from autopyfactory.wrapper.tools import ask
from autopyfactory.wrapper.validation.finding import About, Finding, WrongArgument, failed

MESSAGE_CHARACTERS = 300
OBJECT_CHARACTERS = 4000
"""A larger object is not taken as one: all steps must fit into one report."""


def check(argument: str, about: About) -> Finding:
    """Run it in the working directory, and kill it when its time is over."""
    if not argument:
        raise WrongArgument("expected the path of an executable")
    path = os.path.join(about.directory, argument)
    try:
        # somewhat less than the step's own time, so that it is this that tells, and kills
        said = ask([path], 0.95 * about.timeout_s, about.directory)
    except OSError as error:
        return failed("%s cannot be run: %s" % (argument, error.strerror or error))
    if said.code is None:
        return failed("%s did not end within %g s" % (argument, about.timeout_s))
    told = _object(said.out)
    ok = said.code == 0 and told.get("ok") is not False
    lines = (said.out if not told else "").strip().splitlines() or said.err.strip().splitlines()
    message = told.get("message") or (lines[-1] if lines else "")
    text = str(message)[:MESSAGE_CHARACTERS] or "no word"
    return Finding(ok, text if ok else "exit code %d: %s" % (said.code, text), told)


def _object(text: str) -> Dict[str, Any]:
    if len(text) > OBJECT_CHARACTERS:
        return {}
    try:
        told = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _refuse(name: str) -> None:
    """Refuse NaN and the like: Python reads them, JSON has none, and the report must be JSON."""
    raise ValueError(name)
