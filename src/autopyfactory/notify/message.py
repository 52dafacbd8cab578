"""What operators read: one message of plain text for all that is new, lasts or is over."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from autopyfactory.model import FactoryId, Notice, Severity

LINES = 15
"""Notices told one by one in each section; what is beyond is counted."""
LINE_CHARS = 240
TITLE_CHARS = 120
BODY_CHARS = 15_000
"""What a body never exceeds, as `LINES` and `LINE_CHARS` make it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and the keys of the notices that it tells of."""

    title: str
    body: str
    begun: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset()


class Resolved(NamedTuple):
    """A notice that is over, and when it was first seen to be."""

    notice: Notice
    at: datetime


def compose(
    factory: FactoryId,
    now: datetime,
    begun: Sequence[Notice],
    repeated: Sequence[Notice],
    resolved: Sequence[Resolved],
) -> Message:
    """Return one message for all of it: the critical ones first, then by age."""

    def lasting(notice: Notice) -> str:
        since = f"since {notice.since:%Y-%m-%d %H:%M} UTC"
        return f"{one_line(notice.text)} ({span(notice.since, now)}, {since})"

    def over(notice: Notice) -> str:
        return f"{one_line(notice.text)} (resolved after {span(notice.since, ended[notice.key])})"

    ended = {item.notice.key: item.at for item in resolved}
    gone = [item.notice for item in resolved]
    sections = [
        *_section("New", begun, lasting),
        *_section("Still there", repeated, lasting),
        *_section("Resolved", gone, over),
        f"Factory {factory}, {now:%Y-%m-%d %H:%M} UTC",
    ]
    return Message(
        title=_title(factory, begun, repeated, gone),
        body="\n".join(sections) + "\n",
        begun=_keys(begun),
        repeated=_keys(repeated),
        resolved=_keys(gone),
    )


def one_line(text: str, limit: int = LINE_CHARS) -> str:
    """Return a text of other systems as one line without control characters, cut at the limit."""
    plain = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}…"


def span(start: datetime, end: datetime) -> str:
    """Return how long it is between two times, in the two units that matter; nothing is never negative."""
    seconds = max(0, round((end - start).total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _title(
    factory: FactoryId, begun: Sequence[Notice], repeated: Sequence[Notice], gone: Sequence[Notice]
) -> str:
    parts = {"": begun, "still: ": repeated, "resolved: ": gone}
    if len(begun) + len(repeated) + len(gone) == 1:
        what = next(f"{word}{notices[0].text}" for word, notices in parts.items() if notices)
    else:
        counts = {"new": begun, "still there": repeated, "resolved": gone}
        what = ", ".join(f"{len(notices)} {word}" for word, notices in counts.items() if notices)
    return one_line(f"{factory}: {what}", TITLE_CHARS)


def _section(heading: str, notices: Sequence[Notice], line: Callable[[Notice], str]) -> list[str]:
    if not notices:
        return []
    ranked = sorted(notices, key=lambda n: (n.severity is not Severity.CRITICAL, n.since, n.key))
    lines = [f"{heading} ({len(ranked)}):", *(f"- {line(notice)}" for notice in ranked[:LINES])]
    if rest := ranked[LINES:]:
        counted = ", ".join(
            f"{n} {kind.replace('_', ' ')}" for kind, n in Counter(notice.kind for notice in rest).items()
        )
        lines.append(f"- and {len(rest)} more ({counted}): see `apf status`")
    return [*lines, ""]


def _keys(notices: Iterable[Notice]) -> frozenset[str]:
    return frozenset(notice.key for notice in notices)
