"""The life of a pilot as it is read, out of what batch system and wrapper told.

What wrappers report is whatever they like: nothing here relies on its shape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autopyfactory.api import StoredTransition
from autopyfactory.model import PilotReport, Report
from autopyfactory.web.pages import tones

Told = Sequence[tuple[PilotReport, Mapping[str, Any]]]
"""Reports with what each carries."""
_DEEPEST = 6
"""Levels of a node's profile that are shown as lines; what lies deeper is shown as it came."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing in the life of a pilot."""

    at: datetime
    source: str
    """Who says so: the factory, or the wrapper by the clock of its node."""
    what: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a node's validation."""

    step: str
    ok: bool
    required: bool
    message: str


@dataclass(slots=True)
class Payload:
    """One payload that a pilot took."""

    name: str
    attempt: str
    started_at: datetime
    ended_at: datetime | None = None
    status: str = ""
    said: str = ""


def moments(transitions: Sequence[StoredTransition], told: Told) -> list[Moment]:
    """Return the life of a pilot in order; heartbeats that say nothing new are left out."""
    life = [
        Moment(change.at, "factory", change.after, tones.of_pilot(change.after), change.reason)
        for change in transitions
    ]
    life += [
        Moment(
            report.at,
            "wrapper",
            report.state,
            "bad" if report.state is Report.FAULT else "calm",
            ": ".join(filter(None, (str(data.get("payload", "")), report.message))),
        )
        for report, data in told
        if report.state is not Report.HEARTBEAT or report.message
    ]
    return sorted(life, key=lambda moment: moment.at)


def last_of(told: Told, key: str) -> Any:
    """Return what the last report that tells of it says; None where none does."""
    return next((data[key] for _, data in reversed(told) if key in data), None)


def checks(validation: Any) -> list[Check]:
    """Return the steps of a validation."""
    found = validation if isinstance(validation, list) else []
    return [
        Check(
            str(step.get("step", "")),
            step.get("ok") is True,
            step.get("required") is True,
            str(step.get("message", "")),
        )
        for step in found
        if isinstance(step, Mapping)
    ]


def payloads(told: Told) -> list[Payload]:
    """Return the payloads in the order in which they were taken, each with the last that was said of it."""
    found: dict[tuple[str, str], Payload] = {}
    for report, data in told:
        if report.state is Report.PAYLOAD and "payload" in data:
            key = (str(data["payload"]), str(data.get("attempt", "")))
            payload = found.setdefault(key, Payload(*key, started_at=report.at))
            payload.status, payload.said = str(data.get("status", "")), report.message
            payload.ended_at = None if payload.status == "running" else report.at
    return list(found.values())


def flat(value: Any, name: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Return what a node told of itself as lines of name and value."""
    if depth < _DEEPEST and isinstance(value, Mapping):
        return [
            line for key, item in value.items() for line in flat(item, f"{name} {key}".strip(), depth + 1)
        ]
    if isinstance(value, list):
        if depth < _DEEPEST and any(isinstance(item, Mapping) for item in value):
            numbered = {str(n): item for n, item in enumerate(value, 1)}
            return flat(numbered, name, depth)
        return [(name, " ".join(str(item) for item in value))] if value else []
    if isinstance(value, int) and not isinstance(value, bool):
        return [(name, f"{value:,}")]
    return [] if value is None else [(name, str(value))]
