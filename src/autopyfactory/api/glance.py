"""The contract of the store towards the dashboard: what stands out, over all queues and hosts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from autopyfactory.api.notify import NoticeThresholds
from autopyfactory.model import CycleRecord, QueueName


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of pilots that ended, of those that a batch system had accepted."""

    ended: int = 0
    failed: int = 0
    """FAILED or LOST; neither an empty pilot nor one that was cancelled."""
    empty: int = 0
    """Without ever getting a payload."""


@dataclass(frozen=True, slots=True)
class HostFates:
    """What became of the pilots that ended on one host."""

    host: str
    fates: Fates
    fast: int
    """Those that failed within the time that was asked for."""
    queues: tuple[QueueName, ...]
    """Their factory queues: the first by name, and the last where there are several."""
    last_at: datetime
    """When the newest of them ended."""

    def is_black_hole(self, limits: NoticeThresholds) -> bool:
        """Whether pilots die fast there; ``fast`` must have been counted with the same limits."""
        return self.fates.ended >= limits.hole_pilots and self.fast >= limits.hole_share * self.fates.ended


class GlanceStore(Protocol):
    """What pages show of many things at once, each in one query.  Errors as in `Store`."""

    async def latest_of(self, queues: Collection[QueueName]) -> Mapping[QueueName, CycleRecord]:
        """Return the newest cycle of each of these queues that ever had one, with its trace."""
        ...

    async def running_at(
        self, queues: Collection[QueueName], since: datetime, step: timedelta, steps: int
    ) -> Mapping[QueueName, Sequence[int | None]]:
        """Return the pilots that ran in the last cycle within each of so many steps.

        None: there was no cycle, or it did not know.
        """
        ...

    async def fates(self, since: datetime) -> Mapping[QueueName, Fates]:
        """Count the pilots of each queue that ended since a time."""
        ...

    async def host_fates(
        self, since: datetime, fast_s: float, queue: QueueName | None = None, limit: int = 100
    ) -> list[HostFates]:
        """Return the hosts on which pilots ended since a time, those where most fail first.

        They come by the share that failed, as if five more had ended well: one failure of one is no
        black hole.
        """
        ...
