"""A decision: two numbers, and the reason of every change to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

Fact = int | float | str | None


class Reason(NamedTuple):
    """One step of a chain.

    ``before`` and ``after`` count pilots to submit; a negative number counts pilots to retire (the
    notation of APF 2's traces).
    """

    rule: str
    before: int
    after: int
    why: str
    facts: Mapping[str, Fact] = {}


@dataclass(frozen=True, slots=True)
class Decision:
    """How many pilots to submit and how many to retire; neither is ever negative.

    Rules return a changed copy made by `then`, `block` or `at_most`; the chain sets ``rule`` before each
    call.
    """

    submit: int = 0
    retire: int = 0
    reasons: tuple[Reason, ...] = ()
    rule: str = ""
    blocked: bool = False
    ceiling: int | None = field(default=None, compare=False)
    """The lowest limit that a rule has set: later rules do not submit more.  Of use only within a chain."""

    @property
    def number(self) -> int:
        """Submit minus retire: the one number that passes through a chain."""
        return self.submit - self.retire

    def then(self, number: int, why: str, **facts: Fact) -> "Decision":
        """Return the decision with a new number, negative to retire, and its reason.

        After `block` the number stays where it is, and after `at_most` it stays at the limit; the reason
        is kept all the same.
        """
        before = self.submit - self.retire
        if self.blocked and number != before:
            number, why = before, f"stays {before}, since an earlier rule blocks; otherwise: {why}"
        elif self.ceiling is not None and number > self.ceiling:
            number, why = self.ceiling, f"held at {self.ceiling} by a cap; otherwise: {why}"
        return Decision(
            submit=max(number, 0),
            retire=max(-number, 0),
            reasons=(*self.reasons, Reason(self.rule, before, number, why, facts)),
            rule=self.rule,
            blocked=self.blocked,
            ceiling=self.ceiling,
        )

    def at_most(self, limit: int) -> "Decision":
        """Return the decision with no later `then` able to submit more than ``limit`` (0 or more).

        It leaves the number as it is: ``so_far.at_most(room).then(min(so_far.number, room), why)``.  The
        lowest limit counts, so that the order of caps makes no difference.
        """
        if self.ceiling is not None and limit >= self.ceiling:
            return self
        return Decision(self.submit, self.retire, self.reasons, self.rule, self.blocked, limit)

    def under(self, rule: str) -> "Decision":
        """Return the decision as the rule of that name receives it."""
        # not `replace`, which takes twice as long: thousands of queues pass through here each cycle
        return Decision(self.submit, self.retire, self.reasons, rule, self.blocked, self.ceiling)

    def block(self, why: str, **facts: Fact) -> "Decision":
        """Return the decision with nothing to submit or retire, and no later rule able to change that.

        For numbers that are unknown: unknown is never zero, and never a reason to submit or to retire.
        """
        return replace(self.then(0, why, **facts), blocked=True)
