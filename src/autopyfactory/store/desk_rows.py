"""What the web and operators add, to rows and back, in the order of the columns of `tables`."""

from collections.abc import Sequence
from typing import Any

from autopyfactory.model import (
    ApiToken,
    AuditEntry,
    Override,
    OverrideKind,
    PilotId,
    PilotReport,
    QueueName,
    Report,
    Retirement,
    Scope,
)
from autopyfactory.store.rows import Row, bounded, from_us, maybe_time, maybe_us, to_us


def report_row(report: PilotReport) -> Row:
    """Return a row of ``reports``."""
    return (
        report.pilot,
        report.seq,
        to_us(report.at),
        report.state.value,
        to_us(report.received_at),
        bounded(report.host),
        bounded(report.message),
        report.data,
    )


def to_report(row: Sequence[Any]) -> PilotReport:
    """Return the report of a row of ``reports``."""
    return PilotReport(
        row[0], row[1], from_us(row[2]), Report(row[3]), from_us(row[4]), row[5], row[6], row[7]
    )


def override_row(override: Override) -> Row:
    """Return a row of ``overrides``."""
    return (
        bounded(override.queue),
        override.kind.value,
        bounded(override.by),
        to_us(override.at),
        bounded(override.why),
        maybe_us(override.until),
    )


def to_override(row: Sequence[Any]) -> Override:
    """Return the override of a row of ``overrides``."""
    return Override(
        QueueName(row[0]), OverrideKind(row[1]), row[2], from_us(row[3]), row[4], maybe_time(row[5])
    )


def retirement_row(retirement: Retirement) -> Row:
    """Return a row of ``retirements``."""
    return (
        retirement.pilot,
        to_us(retirement.changed_at),
        bounded(retirement.by),
        to_us(retirement.at),
        bounded(retirement.why),
    )


def to_retirement(row: Sequence[Any]) -> Retirement:
    """Return the retirement of a row of ``retirements``."""
    return Retirement(PilotId(row[0]), from_us(row[1]), row[2], from_us(row[3]), row[4])


def token_row(token: ApiToken) -> Row:
    """Return a row of ``tokens``."""
    return (
        token.id,
        bounded(token.name),
        token.digest,
        ",".join(sorted(token.scopes)),
        to_us(token.created_at),
        maybe_us(token.expires_at),
        maybe_us(token.revoked_at),
    )


def to_token(row: Sequence[Any]) -> ApiToken:
    """Return the token of a row of ``tokens``."""
    return ApiToken(
        row[0],
        row[1],
        row[2],
        frozenset(Scope(name) for name in row[3].split(",") if name),
        from_us(row[4]),
        maybe_time(row[5]),
        maybe_time(row[6]),
    )


def audit_row(entry: AuditEntry) -> Row:
    """Return a row of ``audit`` without its id."""
    texts = (entry.who, entry.action, entry.target, entry.detail, entry.origin)
    return (to_us(entry.at), *[bounded(text) for text in texts])


def to_audit(row: Sequence[Any]) -> AuditEntry:
    """Return the entry of a row of ``audit``."""
    return AuditEntry(from_us(row[1]), row[2], row[3], row[4], row[5], row[6], row[0])
