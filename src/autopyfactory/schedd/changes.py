"""Telling a listing by what changed since it was told last.

Of 20,000 waiting jobs few change between two polls.  Reading, sending and decoding only those makes a poll
cost little more than the schedd's own query.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from secrets import randbits
from sys import intern
from typing import Any, NamedTuple

Plain = str | int | float | None

Row = tuple[Any, ...]
"""Key, status, time of the status, then the details in the order that they were asked for."""

ROWS_PER_PART = 2000
"""Small enough that decoding a part never holds up an event loop."""

STATUS, SINCE = "JobStatus", "EnteredCurrentStatus"


def plain(value: object) -> Plain:
    """Return a value fit for sending: equal texts as one object, an undefined one as None."""
    if type(value) is str:
        return intern(value)
    return value if type(value) in (int, float, bool) else None  # type: ignore[return-value]


class Summary(NamedTuple):
    """The end of a listing."""

    version: int
    """To be given as the basis of the next listing."""
    whole: bool
    """The rows are the whole listing; otherwise they are changes to the basis."""
    gone: Sequence[str]
    """Keys that were in the basis and are no longer listed."""
    total: int
    """Keys that are listed now."""
    server_time: int | None
    """The schedd's clock; None where nothing is listed."""


class Changes:
    """What was told last of one kind of listing."""

    def __init__(self, key: str, details: Sequence[str]) -> None:
        self._key = key
        self._details = tuple(details)
        # starts anywhere, so that a basis given out by an earlier worker is never taken for one of this
        self._version = 1 + randbits(48)
        self._told: dict[str, int] = {}

    @property
    def projection(self) -> list[str]:
        """The attributes to query for."""
        return [self._key, STATUS, SINCE, *self._details]

    def tell(self, ads: Iterable[Mapping[str, Any]], basis: int) -> Iterator[list[Row] | Summary]:
        """Yield rows in parts, then a `Summary`; everything where the basis (0: none) was not told last.

        A job changes whenever its status or the time of its status does; keys are unique.
        """
        whole = basis != self._version
        before = {} if whole else self._told
        self._told = {}  # should the telling break off, the next one is whole
        self._version += 1
        now: dict[str, int] = {}
        rows: list[Row] = []
        ad: Mapping[str, Any] | None = None
        key_name = self._key
        for ad in ads:
            key, status, since = ad[key_name], ad[STATUS], ad[SINCE]
            mark = since << 4 | status
            now[key] = mark
            if before.get(key) != mark:
                rows.append((key, status, since, *[plain(ad.get(name)) for name in self._details]))
                if len(rows) == ROWS_PER_PART:
                    yield rows
                    rows = []
        if rows:
            yield rows
        gone = [] if before.keys() <= now.keys() else list(before.keys() - now.keys())
        self._told = now
        yield Summary(self._version, whole, gone, len(now), ad.get("ServerTime") if ad is not None else None)
