"""Times, numbers and shares as pages show them.  What nobody knows is a dash, never 0."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from autopyfactory.model.spans import duration

UNKNOWN = "–"


def number(value: float | None) -> str:
    """Return ``12,345``, or a dash."""
    return UNKNOWN if value is None else f"{value:,}"


def share(part: int, of: int) -> str:
    """Return ``12 %``; a dash where there is nothing to be a part of.  What is not 0 is not shown as 0."""
    if not of:
        return UNKNOWN
    percent = 100 * part / of
    if 0 < percent < 1:
        return "< 1 %"
    return "> 99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def span(seconds: float | None) -> str:
    """Return ``4 s``, ``3 min``, ``2 h`` or ``5 d``; a dash for None."""
    return UNKNOWN if seconds is None else duration(seconds)


def ago(at: datetime | None, now: datetime) -> str:
    """Return ``3 min ago``, ``in 2 h`` or ``never``."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    return f"in {duration(-seconds)}" if seconds < -1 else f"{duration(seconds)} ago"


def stamp(at: datetime) -> str:
    """Return the time in UTC, to a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def queue_url(name: str) -> str:
    """Return the URL of a queue's page; its name may hold slashes."""
    return f"/queues/{quote(name, safe='')}"


def with_query(path: str, **parameters: object) -> str:
    """Return a URL with those parameters that have a value."""
    given = {key: str(value) for key, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def spark_path(values: Sequence[int | None], width: float, height: float) -> str:
    """Return the path of a line through values from left to right; where one is unknown it has a gap."""
    most = max([value for value in values if value is not None], default=0)
    step = width / max(1, len(values) - 1)
    parts, pen = [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        y = height - (height * value / most if most else 0)
        # a point between two gaps is a dot: the round cap of a line that goes nowhere
        alone = pen == "M" and (index + 1 == len(values) or values[index + 1] is None)
        parts.append(f"{pen}{index * step:.1f} {y:.1f}{'h0' if alone else ''}")
        pen = "L"
    return "".join(parts)
