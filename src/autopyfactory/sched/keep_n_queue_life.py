"""Keep a number of pilots in the queue, counting each one until it is gone."""

from pydantic import Field

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.target import target
from autopyfactory.sched.unknown import without_pilots


class KeepNQueueLife(RuleSettings):
    """``njobs − jobs in queue``; below zero that many are retired.

    Unlike `keep_n_running` it counts pilots that were told to end as well, so that they are replaced only
    once they are gone.  They are not retired a second time.  Without ``njobs`` the number so far is the
    number to keep.
    """

    njobs: int | None = Field(
        default=None, ge=0, description="pilots to keep; left out: the number that the rules before give"
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Block where neither the setting nor an earlier rule gives a number to keep."""
        pilots = state.pilots
        if pilots is None:
            return without_pilots(so_far)
        keep = target(self.njobs, so_far)
        if keep is None:
            return so_far.block("no number to keep: set njobs, or put a rule that gives a number before it")
        in_queue = pilots.total + pilots.retiring
        too_many = max(0, pilots.total - keep)
        return so_far.then(
            -too_many if too_many else max(0, keep - in_queue),
            f"{keep} are to be kept; {in_queue} are in the queue, {pilots.retiring} of them told to end",
            keep=keep,
            jobsinqueue=in_queue,
        )
