"""What becomes of pilots that are held, wait or run too long, or are too many.

Pure functions of a listing that has just been compared, so that whatever they order is ordered for the
state that a pilot is in now.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autopyfactory.config.tree import LifeSettings, RetireSettings
from autopyfactory.model import BatchStatus, Pilot, PilotId, PilotState, QueueName

_WAITING = (PilotState.PENDING, PilotState.HELD)


@dataclass(slots=True)
class Orders:
    """What to do to pilots of one endpoint."""

    release: list[Pilot] = field(default_factory=list)
    cancel: dict[str, list[Pilot]] = field(default_factory=dict)
    """By reason; waiting or running, whichever they are at that moment."""
    cancel_waiting: dict[str, list[Pilot]] = field(default_factory=dict)
    """By reason; those that run by then are left to their work."""


def overdue(pilots: Iterable[Pilot], settings: Callable[[QueueName], LifeSettings], now: datetime) -> Orders:
    """Return what the limits of their queues order for live pilots."""
    orders = Orders()
    for pilot in pilots:
        if not pilot.retiring:
            _judge(pilot, settings(pilot.queue), now, orders)
    return orders


def surplus(
    pilots: Iterable[Pilot], wanted: int, settings: RetireSettings
) -> tuple[list[Pilot], list[Pilot]]:
    """Choose which of a queue's pilots to remove: (waiting ones, running ones), ``wanted`` at the most."""
    newest_first = settings.kill_order == "newest"
    ordered = sorted(
        (pilot for pilot in pilots if not pilot.retiring), key=lambda pilot: pilot.id, reverse=newest_first
    )
    limit = min(wanted, settings.per_cycle)
    waiting = [pilot for pilot in ordered if pilot.state in _WAITING][:limit]
    if not settings.running:
        return waiting, []
    running = [pilot for pilot in ordered if pilot.state is PilotState.RUNNING]
    return waiting, running[: limit - len(waiting)]


def zombies(
    pilots: Iterable[Pilot], listing: Mapping[PilotId, BatchStatus], grace: timedelta, now: datetime
) -> int:
    """Count the pilots that are listed on and on although they were cancelled longer than ``grace`` ago."""
    return sum(
        1 for pilot in pilots if pilot.retiring and pilot.id in listing and now - pilot.changed_at > grace
    )


def _judge(pilot: Pilot, settings: LifeSettings, now: datetime, orders: Orders) -> None:
    waits = pilot.state in _WAITING
    if waits and _passed(pilot.planned_at, settings.pending_max_s, now):
        why = f"not started within {settings.pending_max_s:g} s"
        orders.cancel_waiting.setdefault(why, []).append(pilot)
    elif pilot.state is PilotState.HELD:
        _judge_held(pilot, settings, now, orders)
    elif pilot.state is PilotState.RUNNING and _passed(pilot.started_at, settings.running_max_s, now):
        orders.cancel.setdefault(f"ran longer than {settings.running_max_s:g} s", []).append(pilot)


def _judge_held(pilot: Pilot, settings: LifeSettings, now: datetime, orders: Orders) -> None:
    if pilot.releases >= settings.hold_releases:
        why = f"held again after {pilot.releases} releases: {pilot.reason}"
        orders.cancel_waiting.setdefault(why, []).append(pilot)
    elif _passed(pilot.changed_at, settings.hold_release_s * 2**pilot.releases, now):
        orders.release.append(pilot)


def _passed(since: datetime | None, limit_s: float, now: datetime) -> bool:
    return since is not None and (now - since).total_seconds() > limit_s
