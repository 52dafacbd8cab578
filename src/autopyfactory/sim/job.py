"""One pilot of the simulated world: while it lives, and what is kept of it."""

from typing import NamedTuple

from autopyfactory.model import (
    BatchId,
    BatchStatus,
    EndCause,
    FactoryId,
    PilotId,
    PilotSpec,
    PilotState,
    WmsQueue,
)


class Run(NamedTuple):
    """What a pilot does, where it is told instead of asking for payloads."""

    wall_s: float
    exit_code: int | None = 0
    signal: int | None = None


class Past(NamedTuple):
    """What is kept of a pilot that ended."""

    factory: FactoryId
    cause: EndCause
    exit_code: int | None
    signal: int | None
    started_s: float | None
    ended_s: float
    host: str
    reason: str


class Job:
    """One live pilot."""

    __slots__ = (
        "batch_id", "factory", "host", "payload", "pilot", "ran_payload", "reason", "run", "since_s", "slot",
        "spec", "started_s", "state", "status", "step", "submitted_s",
    )  # fmt: skip

    def __init__(
        self, pilot: PilotId, factory: FactoryId, spec: PilotSpec, batch_id: BatchId, now_s: float
    ) -> None:
        self.pilot = pilot
        self.factory = factory
        self.spec = spec
        self.batch_id = batch_id
        self.state = PilotState.PENDING
        self.submitted_s = self.since_s = now_s
        self.started_s: float | None = None
        self.slot: int | None = None
        self.host = self.reason = ""
        self.payload: WmsQueue | None = None
        """Where the payload that it runs came from."""
        self.ran_payload = False
        self.run: Run | None = None
        self.step = 0
        """Grows with every change, so that events that were set before it come to nothing."""
        self.status: BatchStatus | None = None
        """How it is listed; None: to be made anew."""
