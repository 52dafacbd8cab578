"""Which bytes of a file are asked for."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Span(NamedTuple):
    """Bytes from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.end - self.start


class Unsatisfiable(Exception):
    """None of the bytes that are asked for exist."""


def asked_for(header: str, size: int) -> Span | None:
    """Return the one range of a ``Range`` header, None for the whole file; raises `Unsatisfiable`.

    Several ranges, and what cannot be read, mean the whole file, as RFC 9110 allows.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        span = tail(int(last), size)
    elif last and int(last) < int(first):
        return None
    else:
        span = Span(int(first), min(int(last) + 1, size) if last else size)
    if span.size <= 0:
        raise Unsatisfiable
    return span


def tail(wanted: int, size: int) -> Span:
    """Return the last bytes of a file."""
    return Span(max(0, size - wanted), size)
