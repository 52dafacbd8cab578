"""Finds the state of a site's breaker by playing through what became of its pilots.

There is nothing to store: the same history gives the same state, also after a restart.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import zip_longest
from typing import NamedTuple

from autopyfactory.model import History, Outcome

NEVER = datetime.min.replace(tzinfo=UTC)


class Phase(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything."""
    OPEN = "open"
    """Nothing, until the cooldown is over."""
    TRIAL = "trial"
    """The canaries of one round."""


class Terms(NamedTuple):
    """What is held against a site; see the settings of the rule for each of them."""

    window: timedelta
    minimum: int
    ratio: float
    maxtime_s: float
    cooldown: timedelta
    rounds: int


@dataclass(slots=True)
class Breaker:
    """The state of a breaker.  Counts are of the present round, or while closed of the present window."""

    phase: Phase = Phase.CLOSED
    total: int = 0
    """Pilots that were judged."""
    bad: int = 0
    """Those among them that failed, or ended too soon."""
    opened_at: datetime = NEVER
    """When it last opened; failures of canaries do not change it."""
    opened_on: tuple[int, int] = (0, 0)
    """How many pilots of how many were bad when it opened."""
    trial_at: datetime = NEVER
    """When the present or next round begins.  Pilots planned before the newest round count for nothing."""
    round: int = 0
    in_flight: int = 0
    """Canaries of the present round that are not judged yet."""

    @property
    def size(self) -> int:
        """How many canaries the present round has: 1, 2, 4 and so on."""
        return 1 << (self.round - 1)


class _Event(NamedTuple):
    at: datetime
    planned_at: datetime
    pilot: int
    """Tells apart the pilots of one history."""
    bad: bool
    ended: bool
    """False where it has run for the length of the window, which is enough of a canary."""


def replay(history: History, terms: Terms, now: datetime) -> Breaker:
    """Return the state at ``now`` of a breaker that was closed when the history begins."""
    player = _Player(terms)
    for event in sorted(_events(history, terms, now)):
        player.take(event)
    player.advance(now)
    breaker = player.breaker
    if breaker.phase is Phase.TRIAL:
        first = len(history.outcomes)
        breaker.in_flight = sum(
            1
            for pilot, planned_at in enumerate(history.live_planned_at, first)
            if planned_at >= breaker.trial_at and pilot not in player.judged
        )
    return breaker


def is_bad(outcome: Outcome, maxtime_s: float) -> bool | None:
    """Return whether a pilot speaks against its site; None where its end says nothing.

    A pilot that found no work ended well, however soon.  One that was cancelled before it started, or
    whose time on the node nobody knows, says nothing.
    """
    if outcome.failed:
        return True
    if outcome.empty:
        return False
    return None if outcome.wall_s is None else outcome.wall_s < maxtime_s


def _events(history: History, terms: Terms, now: datetime) -> Iterator[_Event]:
    for pilot, outcome in enumerate(history.outcomes):
        bad = is_bad(outcome, terms.maxtime_s)
        if bad is not None:
            yield _Event(outcome.ended_at, outcome.planned_at, pilot, bad, ended=True)
        if outcome.wall_s is not None and outcome.wall_s >= terms.window.total_seconds():
            proven_at = outcome.ended_at - timedelta(seconds=outcome.wall_s) + terms.window
            yield _Event(proven_at, outcome.planned_at, pilot, bad=False, ended=False)
    live = zip_longest(history.live_planned_at, history.live_started_at)
    for pilot, (planned_at, started_at) in enumerate(live, len(history.outcomes)):
        if started_at is not None and started_at + terms.window <= now:
            yield _Event(started_at + terms.window, planned_at, pilot, bad=False, ended=False)


@dataclass(slots=True)
class _Player:
    terms: Terms
    breaker: Breaker = field(default_factory=Breaker)
    judged: set[int] = field(default_factory=set)
    """Pilots of the present round that passed or failed."""
    recent: deque[_Event] = field(default_factory=deque)
    """What a closed breaker is judged by, oldest first."""

    def take(self, event: _Event) -> None:
        self.advance(event.at)
        breaker = self.breaker
        if breaker.phase is Phase.OPEN or event.planned_at < breaker.trial_at:
            return
        if breaker.phase is Phase.CLOSED:
            if event.ended:
                self._watch(event)
        elif event.pilot not in self.judged:
            self._judge(event)

    def advance(self, now: datetime) -> None:
        """Begin the first round once the cooldown is over; forget what is too old."""
        breaker = self.breaker
        if breaker.phase is Phase.OPEN and now >= breaker.trial_at:
            self._begin(1, breaker.trial_at)
        if breaker.phase is Phase.CLOSED:
            self._trim(now)

    def _watch(self, event: _Event) -> None:
        breaker = self.breaker
        self.recent.append(event)
        breaker.total += 1
        breaker.bad += event.bad
        self._trim(event.at)
        # a good pilot never opens it, even where it makes up the minimum
        enough = event.bad and breaker.total >= self.terms.minimum
        if enough and breaker.bad > self.terms.ratio * breaker.total:
            breaker.opened_at = event.at
            breaker.opened_on = (breaker.bad, breaker.total)
            self._open(event.at)

    def _trim(self, now: datetime) -> None:
        # The newest ``minimum`` stay however old they are.  Canaries of a site that stays broken come so
        # rarely that a window alone would forget its failures, and with them that the breaker is open.
        oldest = now - self.terms.window
        while len(self.recent) > self.terms.minimum and self.recent[0].at < oldest:
            self.breaker.bad -= self.recent.popleft().bad
            self.breaker.total -= 1

    def _judge(self, event: _Event) -> None:
        breaker = self.breaker
        self.judged.add(event.pilot)
        breaker.total += 1
        breaker.bad += event.bad
        if breaker.bad > self.terms.ratio * breaker.size:
            self._open(event.at)
        elif breaker.total >= breaker.size:
            if breaker.round < self.terms.rounds:
                self._begin(breaker.round + 1, event.at)
            else:
                self._close()

    def _open(self, at: datetime) -> None:
        self.breaker.phase = Phase.OPEN
        self.breaker.trial_at = at + self.terms.cooldown
        self._forget()

    def _begin(self, round_: int, at: datetime) -> None:
        self.breaker.phase = Phase.TRIAL
        self.breaker.round = round_
        self.breaker.trial_at = at
        self._forget()

    def _close(self) -> None:
        self.breaker.phase = Phase.CLOSED
        self.breaker.round = 0
        self._forget()

    def _forget(self) -> None:
        self.breaker.total = self.breaker.bad = 0
        self.judged.clear()
        self.recent.clear()
