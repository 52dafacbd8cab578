"""Times as people say them."""

import re
from datetime import datetime

from autopyfactory.model.spans import UNITS, duration

__all__ = ["age", "ago", "duration", "parse_duration", "seconds_since"]


def parse_duration(text: str) -> float:
    """Return the seconds of ``90s``, ``15min``, ``12h`` or ``8d``; raises `ValueError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(d|h|min|s)", text.strip())
    if match is None:
        raise ValueError(f'expected a time such as 90s, 15min, 12h or 8d, got "{text}"')
    return float(match[1]) * dict(UNITS)[match[2]]


def age(seconds: float | None) -> str:
    """Return how long ago something was; ``never`` for None, ``in …`` for what is to come."""
    if seconds is None:
        return "never"
    if seconds < -1:
        return f"in {duration(-seconds)}"
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def seconds_since(at: datetime | None, now: datetime) -> float | None:
    """Return the seconds from ``at`` to ``now`` to a tenth; None where there is no time."""
    return None if at is None else round((now - at).total_seconds(), 1)


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago ``at`` was."""
    return age(seconds_since(at, now))
