"""Compare what the batch system lists with what the factory believes.

Pure functions: listing and pilots in, transitions out.  What they never do: take a pilot that is not
listed for ended, or one that was never confirmed for absent.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from autopyfactory.model import (
    BatchStatus,
    EndCause,
    Ending,
    Pilot,
    PilotId,
    PilotState,
    QueueName,
    Transition,
    planned_at,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an absence is borne."""

    settle: timedelta
    """A new pilot may be missing from listings that long."""
    grace: timedelta
    """A pilot may be neither listed nor in the history that long."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a listing says beside what is believed."""

    changes: list[Transition]
    missing: list[Pilot]
    """Believed live, not listed, and not so new that this is to be expected: ask for their endings."""
    strangers: list[PilotId]
    """Listed, but not believed live."""


def compare(
    listing: Mapping[PilotId, BatchStatus],
    live: Mapping[PilotId, Pilot],
    sending: Collection[PilotId],
    asked_at: datetime,
    now: datetime,
) -> Compared:
    """Compare a listing asked for at ``asked_at`` with the live pilots of its endpoint.

    Pilots in ``sending`` are on their way to the batch system at this moment: whether they are listed
    says nothing yet, their submission's own result will.
    """
    changes: list[Transition] = []
    strangers: list[PilotId] = []
    for name, status in listing.items():
        pilot = live.get(name)
        if pilot is None:
            strangers.append(name)
        elif pilot.state is not status.state and name not in sending:
            changes.append(_listed(pilot, status, asked_at, now))
    missing = [
        pilot
        for name, pilot in live.items()
        if name not in listing and name not in sending and pilot.changed_at < asked_at
    ]
    return Compared(changes, missing, strangers)


def conclude(
    missing: Iterable[Pilot],
    endings: Mapping[PilotId, Ending],
    empty_exit_codes: Callable[[QueueName], Collection[int]],
    patience: Patience,
    confirming_since: datetime,
    asked_at: datetime,
    now: datetime,
) -> list[Transition]:
    """Return what follows for missing pilots, given the endings that the batch system knows.

    ``confirming_since``: submissions that an earlier run of the factory left unconfirmed are waited for
    from that time on.
    """
    changes = []
    for pilot in missing:
        ending = endings.get(pilot.id)
        if ending is not None:
            changes.append(ended(pilot, ending, empty_exit_codes(pilot.queue), now))
        elif pilot.state is PilotState.PLANNED:
            if asked_at - max(pilot.changed_at, confirming_since) > patience.settle:
                changes.append(closed(pilot.id, EndCause.UNSENT, "never reached the batch system", now))
        elif pilot.state is not PilotState.UNKNOWN:
            if asked_at - pilot.changed_at > patience.settle:
                why = "not listed by the batch system, and not in its history"
                changes.append(Transition(pilot.id, now, PilotState.UNKNOWN, why))
        elif asked_at - pilot.changed_at > patience.grace:
            why = f"not listed and not in the history for {patience.grace.total_seconds():g} s"
            changes.append(closed(pilot.id, EndCause.VANISHED, why, now))
    return changes


def ended(pilot: Pilot, ending: Ending, empty_exit_codes: Collection[int], now: datetime) -> Transition:
    """Return the transition to a pilot's end."""
    empty = ending.exit_code in empty_exit_codes if ending.cause is EndCause.EXIT else None
    return Transition(
        pilot.id,
        now,
        _final_state(ending, bool(empty)),
        reason=ending.reason or _told(ending, bool(empty)),
        host=ending.host or None,
        started_at=_plausible(ending.started_at, pilot, now) if ending.started_at else None,
        ended_at=ending.ended_at or now,
        cause=ending.cause,
        exit_code=ending.exit_code,
        signal=ending.signal,
        wall_s=ending.wall_s,
        empty=empty,
    )


def closed(pilot: PilotId, cause: EndCause, reason: str, now: datetime) -> Transition:
    """Return the transition of a pilot whose end nobody saw, or that never existed."""
    state = PilotState.LOST if cause is EndCause.VANISHED else PilotState.FAILED
    return Transition(pilot, now, state, reason, cause=cause, ended_at=now)


def revived(pilot: Pilot, status: BatchStatus, now: datetime) -> Transition | None:
    """Return the transition of a listed pilot that was believed ended; None where its end is certain.

    Only an end that nobody saw is taken back.  Where the batch system has told an ending, a listing
    that still shows the pilot is an old one.
    """
    if pilot.cause not in (EndCause.UNSENT, EndCause.REFUSED, EndCause.VANISHED):
        return None
    why = f"listed by the batch system, though believed to have ended ({pilot.reason})"
    return Transition(pilot.id, now, status.state, why, batch_id=status.batch_id)


def adopted(name: PilotId, status: BatchStatus, endpoint: str, now: datetime) -> Pilot:
    """Return the record of a pilot that the batch system has and the store does not know."""
    return Pilot(
        id=name,
        queue=status.queue,
        endpoint=endpoint,
        state=status.state,
        planned_at=planned_at(name),
        changed_at=now,
        batch_id=status.batch_id,
        started_at=status.since if status.state is PilotState.RUNNING else None,
        host=status.host,
        reason="listed by the batch system with this factory's tag, but unknown to the store",
    )


def _listed(pilot: Pilot, status: BatchStatus, asked_at: datetime, now: datetime) -> Transition:
    started_at = None
    if status.state is PilotState.RUNNING and pilot.started_at is None:
        started_at = _plausible(status.since or asked_at, pilot, now)
    return Transition(
        pilot.id,
        now,
        status.state,
        reason=status.reason,
        batch_id=status.batch_id,
        host=status.host or None,
        started_at=started_at,
        # what was to be removed while it waited is left to its work once it runs
        retiring=False if pilot.retiring and status.state is PilotState.RUNNING else None,
    )


def _plausible(start: datetime, pilot: Pilot, now: datetime) -> datetime:
    """Return a start by a clock that may be off: neither before the pilot was planned nor after now."""
    return min(max(start, pilot.planned_at), now)


def _final_state(ending: Ending, empty: bool) -> PilotState:
    if ending.cause in (EndCause.CANCELLED, EndCause.REMOVED):
        return PilotState.REMOVED
    if ending.cause is EndCause.VANISHED:
        return PilotState.LOST
    if ending.cause is EndCause.EXIT and (ending.exit_code == 0 or empty):
        return PilotState.DONE
    return PilotState.FAILED


def _told(ending: Ending, empty: bool) -> str:
    if ending.cause is EndCause.SIGNAL:
        return f"killed by signal {ending.signal}"
    if ending.cause is EndCause.EXIT:
        return f"exit code {ending.exit_code}" + (" (no payload)" if empty else "")
    return ending.cause.value
