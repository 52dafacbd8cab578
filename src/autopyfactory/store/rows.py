"""Values to rows and back: times as microseconds, texts bounded, traces as JSON.

Tuples are in the order of the columns of `tables`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any

from autopyfactory.api import Sample, StoredTransition
from autopyfactory.model import (
    CycleRecord,
    Decision,
    EndCause,
    EndpointHealth,
    InputAge,
    JobCounts,
    Outcome,
    Pilot,
    PilotCounts,
    PilotState,
    QueueName,
    QueueState,
    Reason,
    SiteStatus,
)

MAX_TEXT = 1000
"""Characters kept of any one text; batch systems and sites send whole pages as a reason."""

Row = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STATES = {state.value: state for state in PilotState}
_CAUSES: dict[str | None, EndCause | None] = {None: None, **{cause.value: cause for cause in EndCause}}
_JOBS = tuple(f.name for f in fields(JobCounts))
_PILOTS = tuple(f.name for f in fields(PilotCounts))
_OWN_COLUMNS = {"name", "observed_at", "jobs", "pilots", "history"}
_OBSERVED = tuple(f.name for f in fields(QueueState) if f.name not in _OWN_COLUMNS)
_UNKNOWN_PILOTS = (None,) * len(_PILOTS)


def to_us(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return microseconds since 1970 as a time in UTC."""
    return _EPOCH + timedelta(microseconds=us)


def maybe_us(at: datetime | None) -> int | None:
    """Return a time as microseconds since 1970, or None."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def maybe_time(us: int | None) -> datetime | None:
    """Return microseconds since 1970 as a time in UTC, or None."""
    return None if us is None else _EPOCH + timedelta(microseconds=us)


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """Return a text that every database takes: at most ``limit`` characters, no NUL, no lone surrogates."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


# --- pilots


def pilot_row(pilot: Pilot, changes: int) -> Row:
    """Return a row of ``pilots``; ``changes`` counts its transitions."""
    return (
        pilot.id,
        bounded(pilot.queue),
        bounded(pilot.endpoint),
        pilot.state.value,
        to_us(pilot.planned_at),
        to_us(pilot.changed_at),
        None if pilot.batch_id is None else bounded(pilot.batch_id),
        maybe_us(pilot.started_at),
        # the indices tell live from ended by this column alone
        to_us(pilot.ended_at or pilot.changed_at) if pilot.state.is_final else None,
        bounded(pilot.host),
        bounded(pilot.reason),
        None if pilot.cause is None else pilot.cause.value,
        pilot.exit_code,
        pilot.signal,
        pilot.wall_s,
        pilot.empty,
        pilot.retiring,
        pilot.releases,
        changes,
    )


def to_pilot(row: Sequence[Any]) -> Pilot:
    """Return the pilot of a row of ``pilots``."""
    return Pilot(
        row[0],
        intern(row[1]),  # type: ignore[arg-type]  # a thousand live pilots share one name
        intern(row[2]),
        _STATES[row[3]],
        from_us(row[4]),
        from_us(row[5]),
        row[6],
        maybe_time(row[7]),
        maybe_time(row[8]),
        row[9],
        row[10],
        _CAUSES[row[11]],
        row[12],
        row[13],
        row[14],
        None if row[15] is None else bool(row[15]),
        bool(row[16]),
        row[17],
    )


def to_transition(row: Sequence[Any]) -> StoredTransition:
    """Return the transition of a row of (at, before, after, reason)."""
    return StoredTransition(
        from_us(row[0]), None if row[1] is None else _STATES[row[1]], _STATES[row[2]], row[3]
    )


def to_outcome(row: Sequence[Any]) -> Outcome:
    """Return the outcome of a row of (planned_at, ended_at, wall_s, state, cause, empty)."""
    state, cause, empty = _STATES[row[3]], _CAUSES[row[4]], bool(row[5])
    bad = state in (PilotState.FAILED, PilotState.LOST)
    failed = bad and not empty and cause is not EndCause.CANCELLED
    return Outcome(from_us(row[0]), from_us(row[1]), row[2], failed, empty)


def to_ending(row: Sequence[Any]) -> tuple[PilotState, EndCause | None, bool | None]:
    """Return the key of `Store.endings` of a row that begins with (state, cause, empty)."""
    return _STATES[row[0]], _CAUSES[row[1]], None if row[2] is None else bool(row[2])


# --- cycles


def cycle_row(cycle: CycleRecord) -> Row:
    """Return a row of ``cycles`` without its id."""
    state, decision = cycle.state, cycle.decision
    return (
        state.name,
        to_us(state.observed_at),
        *[getattr(state.jobs, name) for name in _JOBS],
        *([getattr(state.pilots, name) for name in _PILOTS] if state.pilots else _UNKNOWN_PILOTS),
        decision.submit,
        decision.retire,
        cycle.planned,
        bounded(cycle.note),
        _dumps({name: getattr(state, name) for name in _OBSERVED}),
        _dumps([[bounded(i.endpoint), i.age_s, bounded(i.error)] for i in cycle.inputs]),
        _dumps(
            {
                "rule": decision.rule,
                "blocked": decision.blocked,
                "steps": [_step(r) for r in decision.reasons],
            }
        ),
    )


def to_cycle(row: Sequence[Any]) -> CycleRecord:
    """Return the cycle of a row of ``cycles``."""
    trace = json.loads(row[20])
    steps = tuple(Reason(*step) for step in trace["steps"])
    return CycleRecord(
        state=QueueState(
            name=QueueName(intern(row[1])),
            observed_at=from_us(row[2]),
            jobs=JobCounts(*row[3:8]),
            pilots=_pilot_counts(row[8:14]),
            **_observed(json.loads(row[18])),
        ),
        inputs=tuple(InputAge(*item) for item in json.loads(row[19])),
        decision=Decision(row[14], row[15], steps, trace["rule"], trace["blocked"]),
        id=row[0],
        planned=row[16],
        note=row[17],
    )


def to_sample(row: Sequence[Any]) -> Sample:
    """Return the sample of a row of (at, queue, five of jobs, six of pilots, submit, planned)."""
    return Sample(
        from_us(row[0]),
        QueueName(intern(row[1])),
        JobCounts(*row[2:7]),
        _pilot_counts(row[7:13]),
        row[13],
        row[14],
    )


def site_status(state: str) -> SiteStatus:
    """Return the site's status out of what is kept as ``state``."""
    return SiteStatus(json.loads(state)["site_status"])


def _pilot_counts(numbers: Sequence[Any]) -> PilotCounts | None:
    return None if numbers[0] is None else PilotCounts(*numbers)


def _observed(kept: Mapping[str, Any]) -> dict[str, Any]:
    # a field that is newer than the row takes its default
    observed = {name: kept[name] for name in _OBSERVED if name in kept}
    return observed | {"site_status": SiteStatus(observed["site_status"])}


def _step(reason: Reason) -> list[Any]:
    facts = {k: bounded(v) if isinstance(v, str) else v for k, v in reason.facts.items()}
    return [reason.rule, reason.before, reason.after, bounded(reason.why), facts]


# ASCII alone: it is what every database and every tool of an operator takes
_dumps = json.JSONEncoder(separators=(",", ":")).encode


# --- health


def health_row(health: EndpointHealth) -> Row:
    """Return a row of ``health``."""
    return (
        health.name,
        maybe_us(health.ok_at),
        bounded(health.error),
        maybe_us(health.error_at),
        health.failures,
        maybe_us(health.retry_at),
    )


def to_health(row: Sequence[Any]) -> EndpointHealth:
    """Return the health of a row of ``health``."""
    return EndpointHealth(row[0], maybe_time(row[1]), row[2], maybe_time(row[3]), row[4], maybe_time(row[5]))
