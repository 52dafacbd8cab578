"""Cut off a site on which pilots die, and test it with canaries before it is trusted again."""

from datetime import datetime, timedelta

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.breaker_replay import Breaker as State
from autopyfactory.sched.breaker_replay import Phase, Terms, replay
from autopyfactory.sched.unknown import without_pilots


class Breaker(RuleSettings):
    """``min(n, allowed)``: all while closed, none while open, then canaries: 1, 2, 4 … until it closes again.

    A pilot is bad that failed, or ended in less than ``maxtime`` although it was not without work.  The
    breaker opens when more than ``ratio`` of the pilots that ended within ``window`` (and of no fewer than
    the newest ``minimum``) are bad.  After ``cooldown`` come ``rounds`` rounds of canaries.  A round passes
    when all of its canaries ended, or have run for the length of ``window``, with no more than ``ratio`` of
    them bad; otherwise the cooldown begins anew.
    """

    uses_history = True

    window: float = Field(
        default=3600, gt=0, description="seconds; pilots that ended within them are looked at"
    )
    minimum: int = Field(
        default=10, ge=1, description="pilots that must have ended before the breaker can open"
    )
    ratio: float = Field(
        default=0.5, ge=0, lt=1, description="share of bad pilots above which the breaker opens"
    )
    maxtime: float = Field(
        default=30, ge=0, description="seconds; a pilot with work that ended in less is bad"
    )
    cooldown: float = Field(default=600, gt=0, description="seconds from its opening to the first canary")
    rounds: int = Field(
        default=3, ge=1, le=10, description="rounds of canaries that must pass, each twice as large"
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Without a history no more than one pilot may wait: what is unknown is not healthy."""
        if state.pilots is None:
            return without_pilots(so_far)
        if state.history.since is None:
            room = max(0, 1 - state.pilots.waiting)
            why = f"no history yet: one pilot may wait at a time, {state.pilots.waiting} do"
            return so_far.at_most(room).then(min(so_far.number, room), why, comment="no history")
        found = replay(state.history, self._terms(), state.observed_at)
        if found.phase is Phase.CLOSED:
            return so_far.then(
                so_far.number, self._closed(found), state="closed", total=found.total, bad=found.bad
            )
        room = max(0, found.size - found.total - found.in_flight) if found.phase is Phase.TRIAL else 0
        return so_far.at_most(room).then(
            min(so_far.number, room),
            self._not_closed(found, state.observed_at),
            state=str(found.phase),
            round=found.round,
            allowed=room,
        )

    def _terms(self) -> Terms:
        return Terms(
            window=timedelta(seconds=self.window),
            minimum=self.minimum,
            ratio=self.ratio,
            maxtime_s=self.maxtime,
            cooldown=timedelta(seconds=self.cooldown),
            rounds=self.rounds,
        )

    def _closed(self, found: State) -> str:
        what = (
            f"breaker closed: {found.bad} of {found.total} pilots failed or ended within {self.maxtime:g} s"
        )
        return what if found.total >= self.minimum else f"{what}; it can open from {self.minimum} on"

    def _not_closed(self, found: State, now: datetime) -> str:
        bad, total = found.opened_on
        since = _clock_time(found.opened_at, now)
        what = (
            f"breaker open since {since}: {bad} of {total} pilots failed or ended within {self.maxtime:g} s"
        )
        if found.phase is Phase.OPEN:
            return f"{what}; first canary at {_clock_time(found.trial_at, now)}"
        passed = f", {found.total - found.bad} passed" if found.total else ""
        return (
            f"{what}; canary round {found.round}: {found.size} allowed, {found.in_flight} in flight{passed}"
        )


def _clock_time(at: datetime, now: datetime) -> str:
    """Return the time of day, with the date where it is another day's."""
    return at.strftime("%H:%M" if at.date() == now.date() else "%Y-%m-%d %H:%M")
