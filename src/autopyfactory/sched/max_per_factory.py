"""Hold back while all queues of the factory together have enough pilots."""

from pydantic import Field

from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.cap import Cap


class MaxPerFactory(Cap):
    """``min(n, maximum − pending − running of all queues)``, never below zero."""

    maximum: int | None = Field(
        default=None,
        ge=0,
        description="pilots that may wait or run in all queues together; left out: [factory] max_per_factory",
    )

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Block where there is a limit and the factory's total is unknown."""
        if self.maximum is None:
            return so_far.then(so_far.number, "no limit: [factory] max_per_factory is not set")
        total = state.factory_total
        if total is None:
            return so_far.block(
                "the number of pilots in the whole factory is unknown", comment="no batchinfo"
            )
        return self.hold(
            so_far,
            max(0, self.maximum - total),
            f"{total} of {self.maximum} wait or run in the whole factory",
            total=total,
            maxperfactory=self.maximum,
        )
