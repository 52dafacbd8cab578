"""Submit next to nothing while many pilots end soon after their start."""

from datetime import datetime, timedelta

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, Outcome, QueueState


class Throttle(RuleSettings):
    """``min(n, submit)`` while more than ``ratio`` of the pilots that started within ``interval`` were short.

    Short is what ended in less than ``maxtime``, for whatever reason; pilots that still run, or never
    started, are not looked at.  See `breaker` for a rule that tests a site before it trusts it again.
    """

    uses_history = True

    interval: float = Field(
        default=3600, gt=0, description="seconds; pilots that started within them are looked at"
    )
    maxtime: float = Field(default=10, ge=0, description="seconds; a pilot that ended in less was short")
    ratio: float = Field(
        default=0.5, ge=0, le=1, description="share of short pilots above which the rule acts"
    )
    submit: int = Field(default=1, ge=0, description="pilots submitted each cycle while it acts")
    apf2_quirks: bool = False
    """As in AutoPyFactory 2: without a history there is no limit, and while the rule acts it submits
    ``submit`` even where fewer are needed."""

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Without a history the rule acts: what is unknown is not healthy."""
        if state.history.since is None:
            if self.apf2_quirks:
                return so_far.then(so_far.number, "no history yet: no limit (apf2_quirks)")
            return self._act(so_far, f"no history yet: at most {self.submit}", comment="no history")
        after = state.observed_at - timedelta(seconds=self.interval)
        total, short = self._count(state.history.outcomes, after)
        what = (
            f"{short} of {total} pilots of the last {self.interval:g} s ended in less than {self.maxtime:g} s"
        )
        if short <= self.ratio * total:
            return so_far.then(so_far.number, what, total=total, short=short, ratio=self.ratio)
        return self._act(
            so_far,
            f"{what}: at most {self.submit}",
            total=total,
            short=short,
            ratio=self.ratio,
            submit=self.submit,
        )

    def _count(self, outcomes: tuple[Outcome, ...], after: datetime) -> tuple[int, int]:
        """Return how many pilots started after a time and ended, and how many of them were short."""
        walls = [
            outcome.wall_s
            for outcome in outcomes
            if outcome.wall_s is not None and outcome.ended_at - timedelta(seconds=outcome.wall_s) > after
        ]
        return len(walls), sum(1 for wall in walls if wall < self.maxtime)

    def _act(self, so_far: Decision, why: str, **facts: int | float | str) -> Decision:
        if self.apf2_quirks:
            return so_far.then(self.submit, why, **facts)
        return so_far.at_most(self.submit).then(min(so_far.number, self.submit), why, **facts)
