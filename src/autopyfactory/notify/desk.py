"""Decides what operators are told: what has lasted, not too often, and once more when it is over."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from pydantic import TypeAdapter

from autopyfactory.api import NotifySettings
from autopyfactory.model import FactoryId, Notice
from autopyfactory.notify.message import Message, Resolved, compose

_QUEUE = "queue."


@dataclass(slots=True)
class _Course:
    """What has become of one notice so far."""

    notice: Notice
    """As it was last seen; ``since`` is the earliest that was ever said."""
    seen_at: datetime
    """Seen ever since then."""
    told: bool = False
    """Its beginning was told, so its end will be."""
    gone_at: datetime | None = None
    """Not seen since then; None: seen at the last observation."""


@dataclass(slots=True)
class _State:
    """Everything that outlives a restart."""

    courses: dict[str, _Course] = field(default_factory=dict)
    told_at: dict[str, datetime] = field(default_factory=dict)
    """When a notice was last told as there; kept for ``repeat_s``, whatever became of it meanwhile."""


_STATE = TypeAdapter(_State)


class NoticeDesk:
    """The desk of one ``[notify.NAME]``.  It waits for nothing and asks no clock.

    A notice is told once it has been seen for ``after_s`` without a break, and again every ``repeat_s``
    while it lasts.  Once it has been gone for ``after_s`` its end is told, if its beginning was.  What
    comes and goes is told as there at most once in ``repeat_s``.
    """

    def __init__(self, factory: FactoryId, settings: NotifySettings) -> None:
        self._factory = factory
        self._settings = settings
        self._after = timedelta(seconds=settings.after_s)
        self._repeat = timedelta(seconds=settings.repeat_s)
        self._state = _State()

    def observe(self, active: Collection[Notice], now: datetime) -> list[Message]:
        """Take in all that is wrong at ``now``, and return what is to be sent: at most one message.

        What is not in ``active`` is over.  ``now`` never goes back from call to call.
        """
        there = {notice.key: notice for notice in active if self._meant(notice)}
        self._see(there.values(), now)
        resolved = self._miss(there.keys(), now)
        begun, repeated = self._due(now)
        self._forget(now)
        if not begun and not repeated and not resolved:
            return []
        return [compose(self._factory, now, begun, repeated, resolved)]

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes, as values that JSON knows."""
        kept: dict[str, Any] = _STATE.dump_python(self._state, mode="json")
        return kept

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on where another desk was; what the settings no longer let through is forgotten.

        Raises `ValueError` where it is no such state; the desk is then as before.
        """
        state = _STATE.validate_python(dict(kept))
        courses = {key: course for key, course in state.courses.items() if self._meant(course.notice)}
        self._state = replace(state, courses=courses)

    def _meant(self, notice: Notice) -> bool:
        """Whether this desk tells of such notices at all."""
        settings = self._settings
        if settings.kinds and notice.kind not in settings.kinds:
            return False
        if not settings.queues or not notice.scope.startswith(_QUEUE):
            return True
        queue = notice.scope.removeprefix(_QUEUE)
        return any(fnmatchcase(queue, pattern) for pattern in settings.queues)

    def _see(self, there: Iterable[Notice], now: datetime) -> None:
        courses = self._state.courses
        for notice in there:
            course = courses.get(notice.key)
            if course is None:
                courses[notice.key] = _Course(notice, seen_at=now)
            else:
                course.notice = replace(notice, since=min(notice.since, course.notice.since))
                course.gone_at = None

    def _miss(self, there: Collection[str], now: datetime) -> list[Resolved]:
        """Return the ends that are to be told now."""
        resolved = []
        for key, course in list(self._state.courses.items()):
            if key in there:
                continue
            if not course.told:
                del self._state.courses[key]
                continue
            course.gone_at = course.gone_at or now
            if now - course.gone_at >= self._after:
                resolved.append(Resolved(course.notice, course.gone_at))
                del self._state.courses[key]
        return resolved

    def _due(self, now: datetime) -> tuple[list[Notice], list[Notice]]:
        """Return what begins to be told now, and what is told again."""
        begun: list[Notice] = []
        repeated: list[Notice] = []
        for key, course in self._state.courses.items():
            told_at = self._state.told_at.get(key)
            rested = told_at is None or now - told_at >= self._repeat
            if course.gone_at is not None or now - course.seen_at < self._after or not rested:
                continue
            (repeated if course.told else begun).append(course.notice)
            course.told = True
            self._state.told_at[key] = now
        return begun, repeated

    def _forget(self, now: datetime) -> None:
        told_at = self._state.told_at
        self._state.told_at = {key: at for key, at in told_at.items() if now - at < self._repeat}
