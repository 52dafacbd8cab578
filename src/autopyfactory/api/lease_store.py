"""What several factories on one store need of it beside `Store`: leases, and writes fenced by them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autopyfactory.model import CycleRecord, Pilot, PilotId, QueueName, Transition


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose a queue is."""

    owner: str
    """Empty where it was given back."""
    fence: int
    """Grows each time that the queue changes hands; only the newest counts."""
    beat: int
    """Grows each time that the owner renews.  There is no time in it: see docs/adr/0010-leases.md."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many live pilots there may be."""

    maximum: int
    endpoint: str | None = None
    """Of one batch endpoint; None: of the whole factory."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan is only kept under."""

    fence: int
    limits: tuple[Limit, ...] = ()
    zombies_before: datetime | None = None
    """Pilots that were told to end before that do not count."""


class Leases(Protocol):
    """What tells whose a queue is."""

    async def leases(self) -> Mapping[QueueName, Lease]:
        """Return the leases of all queues that ever had one."""
        ...


class LeaseStore(Leases, Protocol):
    """Leases of queues.  Who waits for how long is up to the callers: the store never asks a clock.

    Raises `StoreUnavailable` and `StoreRefused` as `Store` does.
    """

    async def claim(self, wanted: Mapping[QueueName, Lease | None], owner: str) -> Mapping[QueueName, int]:
        """Take the queues whose lease is still this one (None: never had one); return their new fences."""
        ...

    async def renew(self, owner: str) -> Mapping[QueueName, int]:
        """Let the beat of all of an owner's leases grow, and return their fences."""
        ...

    async def give_back(self, queues: Collection[QueueName], owner: str) -> None:
        """Leave queues to whoever claims them; those of other owners are passed over."""
        ...

    async def tally(self, zombies_before: datetime) -> Mapping[tuple[QueueName, str], int]:
        """Count live pilots by queue and endpoint, without those that were told to end before that."""
        ...

    async def plan_under(
        self, terms: Terms, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str
    ) -> int:
        """Do as `Store.plan` does, under terms that hold at its commit, whoever else plans meanwhile.

        Raises `LeaseLost` and `NoRoom`: nothing was kept.
        """
        ...

    async def record_under(self, fences: Mapping[QueueName, int], changes: Sequence[Transition]) -> None:
        """Do as `Store.record` does.  Raises `LeaseLost` with the pilots concerned: nothing was kept."""
        ...

    async def adopt_under(self, fences: Mapping[QueueName, int], pilots: Sequence[Pilot]) -> None:
        """Do as `Store.adopt` does.  Raises `LeaseLost` with the pilots concerned: nothing was kept."""
        ...
