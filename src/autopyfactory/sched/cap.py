"""What all caps have in common."""

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision
from autopyfactory.model.decision import Fact


class Cap(RuleSettings):
    """A rule that only ever lowers the number.

    A cap holds for the rules after it as well, so that the order of caps makes no difference and no floor
    lifts a number above one.  It never turns submitting into retiring, and leaves retiring as it is.
    """

    apf2_quirks: bool = False
    """As in AutoPyFactory 2: the cap holds only at its own place, and rules after it may go above it."""

    def hold(self, so_far: Decision, room: int, why: str, /, **facts: Fact) -> Decision:
        """Return the decision with at most ``room`` pilots to submit."""
        capped = so_far if self.apf2_quirks else so_far.at_most(room)
        return capped.then(min(so_far.number, room), why, **facts)
