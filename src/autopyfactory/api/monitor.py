"""The contracts of monitors: what one keeps, and who tells one of this factory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from autopyfactory.api.census import CensusStore
from autopyfactory.api.clock import Clock
from autopyfactory.api.desk_store import DeskStore
from autopyfactory.api.glance import GlanceStore
from autopyfactory.api.lease_store import Leases
from autopyfactory.api.notice_store import NoticeStore
from autopyfactory.api.series import SeriesStore
from autopyfactory.model import BatchId, CycleRecord, Decision, PilotId, QueueName
from autopyfactory.model.monitor import (
    FactoryCard,
    JobEvent,
    JobReport,
    JobState,
    LabelCard,
    LabelMessage,
    MonitoredFactory,
    MonitoredJob,
    MonitoredLabel,
)


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """A label with the number of its pilots by state."""

    label: MonitoredLabel
    jobs: Mapping[JobState, int] = field(default_factory=dict)
    """States that no pilot is in are left out."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which pilots are asked for; None means any.  The last announced come first."""

    factory: str | None = None
    label: str | None = None
    state: JobState | None = None
    offset: int = 0
    limit: int = 50
    """0: all."""


@dataclass(frozen=True, slots=True)
class JobsAdded:
    """What became of pilots that were announced."""

    created: int = 0
    known: int = 0
    """Announced before; they stay as they are."""
    skipped: int = 0
    """Their label is not known."""


class MonitorStore(Protocol):
    """What a monitor keeps.  Errors and transactions as in `Store`; texts may be cut to a bound."""

    async def put_factory(self, card: FactoryCard, now: datetime, startup_at: datetime | None) -> bool:
        """Keep how a factory presents itself; return whether it is new.

        It started at ``startup_at``; None: now.
        """
        ...

    async def monitored_factories(self, name: str | None = None) -> list[MonitoredFactory]:
        """Return all factories by name, or just one."""
        ...

    async def put_labels(self, cards: Sequence[LabelCard], now: datetime) -> tuple[int, int]:
        """Keep labels; return how many are new and how many were known.

        Those of unknown factories are passed over; what a card leaves empty stays as it was.
        """
        ...

    async def monitored_labels(
        self, factory: str | None = None, name: str | None = None, offset: int = 0, limit: int = 0
    ) -> list[LabelSummary]:
        """Return labels by factory and name; ``limit`` 0: all."""
        ...

    async def add_label_message(self, factory: str, name: str, message: LabelMessage, data: str = "") -> bool:
        """Keep a message, and forget all but the last `MESSAGES_KEPT`; False where there is no such label."""
        ...

    async def put_jobs(self, jobs: Sequence[MonitoredJob]) -> JobsAdded:
        """Keep pilots that are announced."""
        ...

    async def monitored_jobs(self, which: JobFilter) -> list[MonitoredJob]:
        """Return pilots, newest first."""
        ...

    async def monitored_job(self, factory: str, cid: str) -> tuple[MonitoredJob, list[JobEvent]] | None:
        """Return one pilot and its history, oldest first."""
        ...

    async def report_job(self, factory: str, cid: str, report: JobReport) -> MonitoredJob:
        """Carry out a report, and return the pilot after it.

        Raises `KeyError` for an unknown pilot and `BadTransition`; nothing is kept then.
        """
        ...

    async def age_jobs(self, now: datetime, limit: int = 1000) -> int:
        """Carry out what silence means for that many pilots that are due; return how many there were."""
        ...

    async def prune_monitored(self, before: datetime) -> int:
        """Forget pilots that ended before a time; return how many."""
        ...


class WebStore(DeskStore, MonitorStore, CensusStore, GlanceStore, Leases, NoticeStore, SeriesStore, Protocol):
    """All that the web works on."""


class FactoryListener(Protocol):
    """Is told what a factory does, while it does it.  Returns at once, and waits for nothing."""

    def cycle(self, record: CycleRecord) -> None:
        """Take note of a cycle of one queue."""
        ...

    def submitted(self, queue: QueueName, pilots: Mapping[PilotId, BatchId]) -> None:
        """Take note of pilots that a batch system has accepted; of each pilot once."""
        ...


class Monitor(FactoryListener, Protocol):
    """A monitor plugin: tells a monitor elsewhere of this factory.

    Its class has an attribute ``Settings`` and is built as ``PluginClass(settings, context)`` with a
    `MonitorContext`.  Settings may have a property ``pilots_url``: where pilots report to the same monitor,
    by the monitors' protocol.
    """

    async def run(self) -> None:
        """Pass on what was noted, until it is cancelled.  Raises nothing because the monitor is away."""
        ...

    async def close(self) -> None:
        """Pass on what is left if that is possible within seconds, and let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class MonitorContext:
    """What a monitor plugin is given beside its settings."""

    card: FactoryCard
    labels: Sequence[LabelCard]
    """The queues as they are configured; others may come up later."""
    trace: Callable[[Decision], str]
    """Puts a decision into the words that monitors parse."""
    clock: Clock
    log_url: str = ""
    """URL under which pilots' logs are served, by `log_folder`; empty where they are not."""
