"""What is going on, read from the store alone: the factory itself may run in another process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from autopyfactory.api import LeaseStore, NoticeStore, Store
from autopyfactory.cli.common.steps import deciding_reason
from autopyfactory.config import Config, QueueConfig
from autopyfactory.model import (
    CycleRecord,
    EndpointHealth,
    JobCounts,
    NoticeLook,
    Pilot,
    PilotCounts,
    PilotState,
    QueueName,
    SiteStatus,
)


@dataclass(frozen=True, slots=True)
class QueueView:
    """One factory queue as it stands."""

    name: QueueName
    wms_queue: str
    enabled: bool
    site_status: SiteStatus
    jobs: JobCounts
    pilots: PilotCounts | None
    """None where the batch system's answer was unknown to the last cycle."""
    last_known_pilots: PilotCounts
    """What the store believes, however old."""
    unknown: str
    """Why a number is unknown; empty where all are known."""
    decided_at: datetime | None
    submit: int | None
    retire: int | None
    planned: int | None
    reason: str
    """Why the last decision came out as it did."""
    note: str
    """Why fewer were planned than decided."""
    owner: str = ""
    """Which of several factories on the store runs it; empty where none does, or there is only one."""


class ReadStore(Store, LeaseStore, NoticeStore, Protocol):
    """What an overview is read from."""


@dataclass(frozen=True, slots=True)
class Held:
    """Pilots of one queue that are held for one reason."""

    queue: QueueName
    reason: str
    pilots: int
    since: datetime
    """Since when the first of them is."""
    releases: int
    """How often the one of them that was released most often was."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole of ``apf status``."""

    endpoints: tuple[EndpointHealth, ...]
    queues: tuple[QueueView, ...]
    held: tuple[Held, ...]
    """The largest group first."""
    look: NoticeLook
    """What was wrong when the factory last looked."""

    @property
    def last_cycle_at(self) -> datetime | None:
        """The time of the newest cycle of any queue."""
        return max((queue.decided_at for queue in self.queues if queue.decided_at), default=None)


async def overview(store: ReadStore, config: Config) -> Overview:
    """Read the state of every endpoint and queue.

    Queues that are no longer configured are shown as long as pilots of them live.
    """
    health = await store.health()
    latest = await store.latest()
    live = await store.live()
    leases = await store.leases() if config.factory.shared else {}
    pilots = count_live(live)
    names = [*config.queues, *sorted(set(pilots) - set(config.queues))]
    return Overview(
        endpoints=tuple(health.get(name) or EndpointHealth(name) for name in _endpoint_names(config, health)),
        queues=tuple(
            replace(
                _view(name, config.queues.get(name), latest.get(name), pilots.get(name, PilotCounts())),
                owner=leases[name].owner if name in leases else "",
            )
            for name in names
        ),
        held=held_by_reason(live),
        look=await store.notice_look(),
    )


def held_by_reason(pilots: Iterable[Pilot]) -> tuple[Held, ...]:
    """Count held pilots by queue and by the batch system's words, the largest group first."""
    groups: dict[tuple[QueueName, str], list[Pilot]] = {}
    for pilot in pilots:
        if pilot.state is PilotState.HELD:
            groups.setdefault((pilot.queue, pilot.reason), []).append(pilot)
    held = [
        Held(
            queue,
            reason,
            len(members),
            min(pilot.changed_at for pilot in members),
            max(pilot.releases for pilot in members),
        )
        for (queue, reason), members in groups.items()
    ]
    return tuple(sorted(held, key=lambda group: (-group.pilots, group.queue, group.reason)))


def count_live(pilots: list[Pilot]) -> dict[QueueName, PilotCounts]:
    """Count live pilots by queue; those told to end are counted as retiring only."""
    states: dict[QueueName, list[Pilot]] = {}
    for pilot in pilots:
        states.setdefault(pilot.queue, []).append(pilot)
    counts = {}
    for queue, members in states.items():
        staying = PilotCounts.of(pilot.state for pilot in members if not pilot.retiring)
        counts[queue] = PilotCounts(
            staying.planned,
            staying.pending,
            staying.held,
            staying.running,
            staying.unknown,
            retiring=sum(pilot.retiring for pilot in members),
        )
    return counts


def _endpoint_names(config: Config, health: Mapping[str, EndpointHealth]) -> list[str]:
    configured = [*(f"wms.{name}" for name in config.wms), *(f"batch.{name}" for name in config.batch)]
    # Submissions to a batch system, its history, and a queue's submissions are listed only while something is
    # wrong with them: the table stays short.
    parts = [f"batch.{name}.{part}" for name in config.batch for part in ("submit", "history")]
    parts += [f"queue.{name}" for name in config.queues]
    return configured + [name for name in parts if name in health and health[name].error]


def _view(
    name: QueueName, queue: QueueConfig | None, cycle: CycleRecord | None, live: PilotCounts
) -> QueueView:
    wms_queue = queue.wms_queue if queue else ""
    enabled = queue.settings.enabled if queue else False
    if cycle is None:
        return QueueView(
            name, wms_queue, enabled, SiteStatus.UNKNOWN, JobCounts(), live, live,
            "no cycle yet", None, None, None, None, "", "",
        )  # fmt: skip
    return QueueView(
        name=name,
        wms_queue=wms_queue,
        enabled=enabled,
        site_status=cycle.state.site_status,
        jobs=cycle.state.jobs,
        pilots=None if cycle.state.pilots is None else live,
        last_known_pilots=live,
        unknown="; ".join(f"{item.endpoint}: {item.error}" for item in cycle.inputs if item.error),
        decided_at=cycle.at,
        submit=cycle.decision.submit,
        retire=cycle.decision.retire,
        planned=cycle.planned,
        reason=deciding_reason(cycle.decision),
        note=cycle.note,
    )
