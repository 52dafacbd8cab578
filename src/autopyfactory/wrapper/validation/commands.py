"""``commands=NAME,…``: the programs are in PATH."""

import shutil

from autopyfactory.wrapper.validation.finding import About, Finding, summed, words


def check(argument: str, about: About) -> Finding:
    """Look for each, as a shell would."""
    names = words(argument, "names of programs")
    missing = [name for name in names if shutil.which(name) is None]
    return summed(["not found: %s" % ", ".join(missing)] if missing else [], "%s found" % ", ".join(names))
