"""The contract of the store towards the web and operators: what `Store` keeps, and what they add to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from autopyfactory.api.store import Sample, Store
from autopyfactory.model import (
    ApiToken,
    AuditEntry,
    CycleRecord,
    Override,
    PilotCounts,
    PilotId,
    PilotReport,
    PilotState,
    QueueName,
    Retirement,
)


class EndingField(StrEnum):
    """What ended pilots can be grouped by."""

    QUEUE = "queue"
    HOST = "host"
    STATE = "state"
    CAUSE = "cause"
    EXIT_CODE = "exit_code"
    SIGNAL = "signal"
    REASON = "reason"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class EndingGroup:
    """Ended pilots that have these values in common, in the order of the fields asked for."""

    values: tuple[str | int | bool | None, ...]
    pilots: int
    last_at: datetime
    """When the newest of them ended."""


class Overrides(Protocol):
    """What the factory reads of what operators ask for."""

    async def overrides(self) -> Mapping[QueueName, Override]:
        """Return the overrides of queues; those of downtimes that are over may be among them."""
        ...

    async def retirements(self) -> Mapping[PilotId, Retirement]:
        """Return which live pilots are still to be removed, by pilot."""
        ...


class DeskStore(Store, Overrides, Protocol):
    """A store that operators and wrappers write to as well.  Errors and transactions as in `Store`."""

    # --- reports of wrappers

    async def add_reports(self, reports: Sequence[PilotReport]) -> frozenset[PilotId]:
        """Keep reports, and return the pilots that the store does not know: nothing of theirs is kept.

        A report whose ``seq`` the store has of the same pilot is passed over: repeats are harmless.
        """
        ...

    async def reports(self, pilot: PilotId, after: int = -1, limit: int = 1000) -> list[PilotReport]:
        """Return the reports of one pilot by ``seq``, those above ``after``."""
        ...

    # --- operators

    async def set_override(self, queue: QueueName, override: Override | None, audit: AuditEntry) -> None:
        """Hold a queue back, or (None) no longer; over what was asked before.  The audit trail grows."""
        ...

    async def retire(self, pilots: Sequence[Retirement], audit: AuditEntry) -> None:
        """Have the factory remove pilots, over what was asked of them before.  The audit trail grows.

        What is asked of a pilot that the store does not know is passed over.
        """
        ...

    async def note(self, audit: AuditEntry) -> None:
        """Add to the audit trail."""
        ...

    async def audit(self, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """Return the audit trail, newest first; ``before`` is the id of the last entry of the page before."""
        ...

    # --- tokens

    async def add_token(self, token: ApiToken, audit: AuditEntry) -> None:
        """Keep a new token.  Raises `ValueError` where its id or digest is taken."""
        ...

    async def revoke_token(self, id: str, at: datetime, audit: AuditEntry) -> bool:  # noqa: A002
        """Revoke a token for good; return whether there was one that was not revoked yet."""
        ...

    async def token(self, digest: str) -> ApiToken | None:
        """Return the token with that digest, revoked and expired ones too."""
        ...

    async def tokens(self) -> list[ApiToken]:
        """Return all tokens, oldest first."""
        ...

    # --- reading in pages and groups

    async def live_counts(self) -> Mapping[QueueName, PilotCounts]:
        """Count the live pilots of every queue that has any; retiring ones apart."""
        ...

    async def ending_groups(
        self,
        since: datetime,
        by: Sequence[EndingField],
        queue: QueueName | None = None,
        limit: int = 200,
        states: Collection[PilotState] = (),
        host: str | None = None,
    ) -> list[EndingGroup]:
        """Return the largest groups of the pilots that ended since a time, largest first.

        Empty and None mean any.
        """
        ...

    async def cycles(self, queue: QueueName, limit: int = 20, before: int | None = None) -> list[CycleRecord]:
        """As `Store.cycles`; ``before`` is the id of the last cycle of the page before."""
        ...

    async def samples(
        self, since: datetime, queue: QueueName | None = None, limit: int | None = None
    ) -> list[Sample]:
        """As `Store.samples`; ``limit`` keeps the oldest."""
        ...
