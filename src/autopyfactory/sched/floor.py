"""What all floors have in common."""

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision
from autopyfactory.model.decision import Fact


def lift(so_far: Decision, minimum: int, why: str, /, **facts: Fact) -> Decision:
    """Return the decision with at least ``minimum`` pilots to submit, as far as earlier caps allow.

    Where pilots are to be retired nothing is raised: it would put new pilots in the place of old ones.
    """
    n = so_far.number
    if n < 0:
        return so_far.then(n, f"{-n} are to be retired: none are submitted in their place", **facts)
    return so_far.then(max(n, minimum), why, **facts)


class Floor(RuleSettings):
    """A rule that only ever raises the number."""

    apf2_quirks: bool = False
    """As in AutoPyFactory 2: the floor holds also where earlier rules want to retire pilots."""

    def lift(self, so_far: Decision, minimum: int, why: str, /, **facts: Fact) -> Decision:
        """Return the decision with at least ``minimum`` pilots to submit."""
        if self.apf2_quirks:
            return so_far.then(max(so_far.number, minimum), why, **facts)
        return lift(so_far, minimum, why, **facts)
