"""The documents of the API.  They are read off the values of `model`, field by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from autopyfactory.api import Sample
from autopyfactory.model import (
    CycleRecord,
    Decision,
    EndCause,
    OverrideKind,
    PilotId,
    PilotState,
    QueueName,
    Report,
    SiteStatus,
)

T = TypeVar("T")


class View(BaseModel):
    """Base of all documents."""

    model_config = ConfigDict(from_attributes=True, frozen=True, use_attribute_docstrings=True)


class Page(View, Generic[T]):
    """A part of a list."""

    items: Sequence[T]
    next: str | None = None
    """Cursor of the next page; null at the end."""


class Listing(View, Generic[T]):
    """A whole list."""

    items: Sequence[T]


class Jobs(View):
    """Jobs of a WMS queue; null where the number is unknown."""

    notready: int | None
    ready: int | None
    running: int | None
    done: int | None
    failed: int | None


class Pilots(View):
    """Live pilots of a factory queue."""

    planned: int = 0
    pending: int = 0
    held: int = 0
    running: int = 0
    unknown: int = 0
    """Not mentioned by the batch system at present."""
    retiring: int = 0
    """Told to end; in no other number."""


class Step(View):
    """One rule of a chain; negative numbers count pilots to retire."""

    rule: str
    before: int
    after: int
    why: str
    facts: Mapping[str, Any]


class Input(View):
    """Where a number came from."""

    endpoint: str
    age_s: float | None
    """Null: there never was a good answer."""
    error: str


class Cycle(View):
    """One cycle of a queue, without its trace."""

    id: int | None
    at: datetime
    queue: QueueName
    site_status: SiteStatus
    jobs: Jobs
    pilots: Pilots | None
    """Null where the batch system's numbers were unknown."""
    submit: int
    retire: int
    planned: int
    """Pilots that were handed on to the batch system."""
    note: str
    """Why fewer were planned than decided."""
    reason: str
    """Of the last rule that changed the number."""


class Explanation(Cycle):
    """One cycle of a queue with its whole trace."""

    inputs: Sequence[Input]
    steps: Sequence[Step]


class Endpoint(View):
    """How an endpoint, or a queue's submission, fares."""

    name: str
    """``wms.NAME``, ``batch.NAME``, ``batch.NAME.submit`` or ``queue.NAME``."""
    ok_at: datetime | None
    error: str
    error_at: datetime | None
    failures: int
    """In a row."""
    retry_at: datetime | None
    """Not tried before; null: no back-off."""


class OverrideView(View):
    """Why a queue submits nothing: an operator says so."""

    queue: QueueName
    kind: OverrideKind
    by: str
    at: datetime
    why: str
    until: datetime | None
    """When a downtime is over."""


class Retiring(View):
    """Pilots that are to be removed."""

    pilots: Sequence[PilotId]
    """Waiting ones first, and of these the newest."""


class Limits(View):
    """What bounds a queue beside its rules."""

    max_per_factory: int | None
    max_pilots: int | None
    """At its batch endpoint."""
    interval_s: float


class Queue(View):
    """A factory queue."""

    name: QueueName
    configured: bool
    """False: only pilots of it are left."""
    enabled: bool
    wms: str
    wms_queue: str
    batch: str
    rules: Sequence[str]
    limits: Limits | None
    override: OverrideView | None
    submission: Endpoint | None
    """How its submissions fare; null: nothing to say."""
    live: Pilots
    """What the store believes, however old."""
    cycle: Cycle | None
    """The newest."""


class Factory(View):
    """The factory as a whole."""

    id: str
    version: str
    url: str
    queues: int
    live: Pilots
    last_cycle_at: datetime | None
    troubled: Sequence[str]
    """Endpoints whose last call failed."""


class SampleView(View):
    """The numbers of one cycle."""

    at: datetime
    queue: QueueName
    jobs: Jobs
    pilots: Pilots | None
    submit: int
    planned: int


class PilotView(View):
    """A pilot."""

    id: PilotId
    queue: QueueName
    endpoint: str
    state: PilotState
    planned_at: datetime
    changed_at: datetime
    batch_id: str | None
    started_at: datetime | None
    ended_at: datetime | None
    host: str
    reason: str
    cause: EndCause | None
    exit_code: int | None
    signal: int | None
    wall_s: float | None
    empty: bool | None
    """Ended without ever getting a payload; null where nobody knows."""
    retiring: bool


class TransitionView(View):
    """One change in the life of a pilot."""

    at: datetime
    before: PilotState | None
    after: PilotState
    reason: str


class ReportView(View):
    """What a wrapper said."""

    seq: int
    at: datetime
    """By the clock of the node."""
    received_at: datetime
    state: Report
    host: str
    message: str
    data: Any


class PilotLife(PilotView):
    """A pilot with all that is known of it."""

    transitions: Sequence[TransitionView]
    reports: Sequence[ReportView]
    """The first thousand; the rest in pages of their own."""
    logs: Mapping[str, str]
    """URLs of out, err and log; empty where none are served."""


class Ending(View):
    """How many pilots ended that way."""

    state: PilotState
    cause: EndCause | None
    empty: bool | None
    pilots: int


class FailureGroup(View):
    """Ended pilots that have these values in common."""

    values: Mapping[str, Any]
    pilots: int
    last_at: datetime


class AuditView(View):
    """One thing that an operator did."""

    id: int | None
    at: datetime
    who: str
    action: str
    target: str
    detail: str
    origin: str


def reason_of(decision: Decision) -> str:
    """Return the reason of the last rule that changed the number; of the first, where none did."""
    steps = decision.reasons
    changed = [step for step in steps if step.before != step.after] or list(steps[:1])
    return f"{changed[-1].rule}: {changed[-1].why}" if changed else ""


def cycle_fields(cycle: CycleRecord) -> dict[str, Any]:
    """Return the fields of `Cycle`."""
    return {
        "id": cycle.id,
        "at": cycle.at,
        "queue": cycle.queue,
        "site_status": cycle.state.site_status,
        "jobs": cycle.state.jobs,
        "pilots": cycle.state.pilots,
        "submit": cycle.decision.submit,
        "retire": cycle.decision.retire,
        "planned": cycle.planned,
        "note": cycle.note,
        "reason": reason_of(cycle.decision),
    }


def to_cycle(cycle: CycleRecord) -> Cycle:
    """Return a cycle without its trace."""
    return Cycle.model_validate(cycle_fields(cycle))


def to_explanation(cycle: CycleRecord) -> Explanation:
    """Return a cycle with its trace."""
    steps = [step._asdict() for step in cycle.decision.reasons]
    return Explanation.model_validate({**cycle_fields(cycle), "inputs": cycle.inputs, "steps": steps})


def to_sample(sample: Sample) -> SampleView:
    """Return the numbers of one cycle."""
    return SampleView.model_validate(sample)
