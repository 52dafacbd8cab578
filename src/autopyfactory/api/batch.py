"""The contract of a batch plugin: submit, status, endings and cancel of one batch system."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from autopyfactory.api.deadline import Deadline
from autopyfactory.model import BatchStatus, Ending, PilotId, PilotSpec, SubmitResult


class BatchSystem(Protocol):
    """One batch system.  Every job carries the factory's id, its pilot's id and its queue as tags."""

    async def submit(
        self, spec: PilotSpec, pilots: Sequence[PilotId], *, deadline: Deadline | None = None
    ) -> SubmitResult:
        """Submit one job for each pilot, and return once the batch system has all of them.

        Raises `SubmitRejected`: none of them exist.  Raises `SubmitUnknown`: they may exist, now or a
        little later; find them by tag.  Never submits a pilot twice, whatever happens in between.

        ``deadline`` is looked at immediately before the batch system is told, in whichever process tells it:
        where it has passed by then, raises `SubmitTooLate`.  It is given only where several factories work
        on one store.
        """
        ...

    async def status(self) -> Mapping[PilotId, BatchStatus]:
        """Return every live job tagged with this factory; one query, whatever the number of queues.

        A pilot that is not in it says nothing about its end: ask `ended`.  Raises `BatchUnavailable`
        where the listing failed or may be incomplete.
        """
        ...

    async def ended(self, pilots: Collection[PilotId]) -> Mapping[PilotId, Ending]:
        """Return how these pilots ended, for those of which the batch system knows it.

        Raises `BatchUnavailable`.
        """
        ...

    async def cancel(self, pilots: Collection[PilotId], *, waiting_only: bool = False) -> None:
        """Remove these pilots; unknown and ended ones are passed over, so twice is harmless.

        With ``waiting_only`` a pilot that runs by then is left to its work.  Raises `BatchUnavailable`:
        some of them may have been removed.
        """
        ...

    async def release(self, pilots: Collection[PilotId]) -> None:
        """Have held pilots try again; all others are passed over.

        Raises `BatchUnavailable`: some of them may have been released.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and helper processes; pilots live on.  Twice is harmless."""
        ...
