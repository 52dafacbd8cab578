"""What a monitor keeps to rows and back, in the order of the columns of `monitor_tables`."""

import json
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from autopyfactory.model.monitor import (
    MESSAGE_CHARACTERS,
    FactoryCard,
    JobDetails,
    JobEvent,
    JobState,
    LabelCard,
    LabelMessage,
    MonitoredFactory,
    MonitoredJob,
    MonitoredLabel,
)
from autopyfactory.model.monitor_life import due_at
from autopyfactory.store.rows import Row, bounded, from_us, maybe_time, maybe_us, to_us

_DETAILS = len(astuple(JobDetails()))


def to_factory(row: Sequence[Any]) -> MonitoredFactory:
    """Return the factory of a row of ``monitor_factories``."""
    return MonitoredFactory(FactoryCard(*row[:6]), from_us(row[6]), from_us(row[7]), row[8], row[9])


def to_label(row: Sequence[Any]) -> MonitoredLabel:
    """Return the label of a row of ``monitor_labels``."""
    messages = tuple(LabelMessage(from_us(at), origin, text) for at, origin, text in json.loads(row[8]))
    return MonitoredLabel(LabelCard(*row[:6]), from_us(row[6]), from_us(row[7]), messages, row[9])


def messages_text(messages: Sequence[LabelMessage]) -> str:
    """Return the messages of a label as they are kept."""
    # cut, without a sign that it was: those who parse a trace know how to read a part of it
    kept = [
        [to_us(m.at), m.origin, bounded(m.text[:MESSAGE_CHARACTERS], MESSAGE_CHARACTERS)] for m in messages
    ]
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def job_row(job: MonitoredJob, events: int) -> Row:
    """Return a row of ``monitor_jobs``; ``events`` counts the lines of its history."""
    return (
        bounded(job.factory),
        bounded(job.cid),
        bounded(job.label),
        to_us(job.created_at),
        job.state.value,
        to_us(job.changed_at),
        to_us(job.heard_at),
        maybe_us(job.flagged_at),
        job.rc,
        bounded(job.wrapper),
        bounded(job.ids),
        *[bounded(text) for text in astuple(job.details)],
        maybe_us(due_at(job)),
        events,
    )


def to_job(row: Sequence[Any]) -> MonitoredJob:
    """Return the pilot of a row of ``monitor_jobs``."""
    return MonitoredJob(
        factory=row[0],
        cid=row[1],
        label=row[2],
        created_at=from_us(row[3]),
        state=JobState(row[4]),
        changed_at=from_us(row[5]),
        heard_at=from_us(row[6]),
        flagged_at=maybe_time(row[7]),
        rc=row[8],
        wrapper=row[9],
        ids=row[10],
        details=JobDetails(*row[11 : 11 + _DETAILS]),
    )


def to_event(row: Sequence[Any]) -> JobEvent:
    """Return the event of ``at``, ``origin`` and ``text``."""
    return JobEvent(from_us(row[0]), row[1], row[2])
