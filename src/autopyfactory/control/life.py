"""What becomes of pilots that are held, wait or run too long, are too many, or are to go.

Pure functions of a listing that has just been compared, so that whatever they order is ordered for the
state that a pilot is in now.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from autopyfactory.config.tree import LifeSettings, RetireSettings
from autopyfactory.model import BatchStatus, Pilot, PilotId, PilotState, QueueName, Retirement

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
    known: dict[QueueName, _Limits] = {}
    for pilot in pilots:
        limits = known.get(pilot.queue)
        if limits is None:
            limits = known[pilot.queue] = _Limits.at(now, settings(pilot.queue))
        if not pilot.retiring:
            _judge(pilot, limits, orders)
    return orders


def asked_for(pilots: Iterable[Pilot], retirements: Mapping[PilotId, Retirement]) -> Orders:
    """Return what operators order for live pilots, as far as these are still what they were chosen for."""
    orders = Orders()
    for pilot in pilots if retirements else ():
        retirement = retirements.get(pilot.id)
        if retirement is None or pilot.retiring or not retirement.asks_for(pilot):
            continue
        removing = orders.cancel if pilot.state is PilotState.RUNNING else orders.cancel_waiting
        removing.setdefault(retirement.reason, []).append(pilot)
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


class _Limits(NamedTuple):
    """The limits of a queue as times, worked out once for all of its pilots."""

    settings: LifeSettings
    now: datetime
    planned_before: datetime
    started_before: datetime

    @classmethod
    def at(cls, now: datetime, settings: LifeSettings) -> Self:
        return cls(
            settings,
            now,
            now - timedelta(seconds=settings.pending_max_s),
            now - timedelta(seconds=settings.running_max_s),
        )


def _judge(pilot: Pilot, limits: _Limits, orders: Orders) -> None:
    if pilot.state is PilotState.RUNNING:
        if pilot.started_at is not None and pilot.started_at < limits.started_before:
            why = f"ran longer than {limits.settings.running_max_s:g} s"
            orders.cancel.setdefault(why, []).append(pilot)
    elif pilot.state in _WAITING and pilot.planned_at < limits.planned_before:
        why = f"not started within {limits.settings.pending_max_s:g} s"
        orders.cancel_waiting.setdefault(why, []).append(pilot)
    elif pilot.state is PilotState.HELD:
        _judge_held(pilot, limits.settings, limits.now, orders)


def _judge_held(pilot: Pilot, settings: LifeSettings, now: datetime, orders: Orders) -> None:
    held_s = (now - pilot.changed_at).total_seconds()
    if pilot.releases >= settings.hold_releases:
        why = f"held again after {pilot.releases} releases: {pilot.reason}"
        orders.cancel_waiting.setdefault(why, []).append(pilot)
    elif held_s > settings.hold_release_s * 2**pilot.releases:
        orders.release.append(pilot)
