"""What a validation step is given, and what it says."""

from typing import Any, Dict, List, NamedTuple, Optional

from autopyfactory.wrapper.node import Node


class About(NamedTuple):
    """What a step may ask: the node, and what the pilot was asked to bring."""

    node: Node
    directory: str
    timeout_s: float
    server_url: str = ""
    cores: Optional[int] = None
    memory_mb: Optional[int] = None
    disk_mb: Optional[int] = None


class Finding(NamedTuple):
    """What a step found."""

    ok: bool
    message: str
    data: Optional[Dict[str, Any]] = None


def passed(message: str) -> Finding:
    """Return a finding that is ok."""
    return Finding(ok=True, message=message)


def failed(message: str) -> Finding:
    """Return a finding that is not."""
    return Finding(ok=False, message=message)


class WrongArgument(Exception):
    """The step cannot be done as it is written."""


def number(argument: str, default: Optional[float], what: str) -> float:
    """Read a number, not negative; the default where nothing is written."""
    if not argument and default is not None:
        return default
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e12:
        raise WrongArgument("expected %s, got %r" % (what, argument))
    return value


def words(argument: str, what: str) -> List[str]:
    """Read words with commas between them, at least one."""
    found = [word.strip() for word in argument.split(",") if word.strip()]
    if not found:
        raise WrongArgument("expected %s" % what)
    return found


def summed(problems: List[str], good: str) -> Finding:
    """Return a finding that is ok where there are no problems."""
    return failed("; ".join(problems)) if problems else passed(good)
