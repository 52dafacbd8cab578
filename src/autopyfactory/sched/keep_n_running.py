"""Keep a number of pilots, waiting or running."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.target import target
from autopyfactory.sched.unknown import without_pilots


class KeepNRunning(RuleSettings):
    """``keep_running − (running + pending)``; below zero that many are retired.

    Without ``keep_running`` the number so far is the number to keep.  Pilots that were told to end are not
    counted.
    """

    keep_running: int | None = Field(
        default=None, ge=0, description="pilots to keep; left out: the number that the rules before give"
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Block where neither the setting nor an earlier rule gives a number to keep."""
        pilots = state.pilots
        if pilots is None:
            return without_pilots(so_far)
        keep = target(self.keep_running, so_far)
        if keep is None:
            return so_far.block(
                "no number to keep: set keep_running, or put a rule that gives a number before it"
            )
        return so_far.then(
            keep - pilots.total,
            f"{keep} are to be kept; {pilots.running} run and {pilots.waiting} wait",
            keep=keep,
            running=pilots.running,
            pending=pilots.waiting,
            retiring=pilots.retiring,
        )
