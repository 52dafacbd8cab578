"""What callers read, in the old server's words.  Texts are as they came: whoever shows them escapes them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from autopyfactory.api import LabelSummary
from autopyfactory.model.monitor import JobEvent, JobState, LabelMessage, MonitoredFactory, MonitoredJob

ACTIVE_FOR = timedelta(days=10)
"""A factory that was silent for longer is not active."""

Document = dict[str, Any]


def factory_document(factory: MonitoredFactory, now: datetime) -> Document:
    """Return one factory."""
    card = factory.card
    return {
        "name": card.name,
        "url": card.url,
        "email": card.email,
        "version": card.version,
        "factory_type": card.kind,
        "ip": card.ip,
        "active": now - factory.heard_at < ACTIVE_FOR,
        "last_startup": stamp(factory.startup_at),
        "last_modified": stamp(factory.heard_at),
        "last_cycle": factory.traces,
        "last_ncreated": factory.created,
    }


def label_document(summary: LabelSummary, *, whole: bool = False) -> Document:
    """Return one label; ``whole``: with all its messages and what came with them."""
    label, card = summary.label, summary.label.card
    counts = {f"n{state}": summary.jobs.get(state, 0) for state in JobState}
    ended = counts["ndone"] + counts["nfault"]
    document = {
        "name": card.name,
        "factory": card.factory,
        **counts,
        "mortality": 100 * counts["nfault"] // ended if ended else 0,
        "msg": label.messages[-1].text if label.messages else "",
        "created": stamp(label.created_at),
        "last_modified": stamp(label.heard_at),
        "resource": card.resource,
        "localqueue": card.localqueue,
        "batchqueue": card.batchqueue,
        "wmsqueue": card.wmsqueue,
    }
    if whole:
        document["messages"] = [_line(message) for message in label.messages]
        document["data"] = json.loads(label.data) if label.data else None
    return document


def job_document(job: MonitoredJob) -> Document:
    """Return one pilot."""
    details = job.details
    return {
        "jid": f"{job.factory}:{job.cid}",
        "cid": job.cid,
        "factory": job.factory,
        "label": job.label,
        "state": job.state.value,
        "created": stamp(job.created_at),
        "last_modified": stamp(job.heard_at),
        "result": job.rc,
        "flag": job.flagged_at is not None,
        "wrapper": job.wrapper,
        "ids": job.ids,
        "workerid": details.workerid,
        "computingsite": details.computingsite,
        "computingelement": details.computingelement,
        "stdout": details.stdout,
        "stderr": details.stderr,
        "joblog": details.joblog,
    }


def job_with_history(job: MonitoredJob, events: list[JobEvent]) -> Document:
    """Return one pilot with its history."""
    return {**job_document(job), "messages": [_line(event) for event in events]}


def stamp(at: datetime) -> str:
    """Return a time as the old server writes it: ``2026-03-01T12:00:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(said: LabelMessage | JobEvent) -> Document:
    return {"at": stamp(said.at), "ip": said.origin, "text": said.text}
