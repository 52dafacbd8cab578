"""``container[=RUNTIME,…]``: at least one of these programs runs containers (any that is known)."""

from autopyfactory.wrapper.containers import RUNTIMES, version_of
from autopyfactory.wrapper.validation.finding import About, Finding, failed, passed


def check(argument: str, about: About) -> Finding:
    """Ask each for its version, until one tells it."""
    wanted = [word.strip() for word in argument.split(",") if word.strip()] or list(RUNTIMES)
    for name in wanted:
        version = version_of(name)
        if version is not None:
            return passed("%s: %s" % (name, version))
    return failed("none of %s works" % ", ".join(wanted))
