"""An operator's order to remove pilots: which they are is decided when it is given, and kept in the store.

So nothing is removed twice, whatever becomes of the factory meanwhile, and no pilot that starts before the
factory gets to it.
"""

from collections.abc import Callable, Collection

from autopyfactory.api import DeskStore, PilotFilter
from autopyfactory.model import AuditEntry, Pilot, PilotId, PilotState, QueueName, Retirement

_PAGE = 1000
_WAITING = frozenset({PilotState.PENDING, PilotState.HELD})
_RUNNING = frozenset({PilotState.RUNNING})

Entry = Callable[[str, str, str], AuditEntry]
"""Makes an entry of the audit trail from an action, its target and details."""


async def retire(
    store: DeskStore, queue: QueueName, most: int, entry: Entry, *, running: bool = False, why: str = ""
) -> list[Pilot]:
    """Have the factory remove a queue's newest pilots that wait, ``most`` of them, and return these.

    With ``running``, where too few wait, the newest that run as well.  Those that somebody has ordered away
    already are not counted.
    """
    asked = (await store.retirements()).keys()
    chosen = await _newest(store, queue, _WAITING, most, asked)
    if running:
        chosen += await _newest(store, queue, _RUNNING, most - len(chosen), asked)
    of_which = "waiting or running" if running else "waiting"
    reason = f": {why}" if why else ""
    done = entry("retire", queue, f"{len(chosen)} of {most} {of_which} pilots{reason}")
    await store.retire(
        [Retirement(pilot.id, pilot.changed_at, done.who, done.at, why) for pilot in chosen], done
    )
    return chosen


async def _newest(
    store: DeskStore,
    queue: QueueName,
    states: frozenset[PilotState],
    most: int,
    but: Collection[PilotId],
) -> list[Pilot]:
    """Return the newest pilots that nobody has ordered away yet, neither an operator nor the factory."""
    found: list[Pilot] = []
    last: PilotId | None = None
    while len(found) < most:
        page = await store.pilots(PilotFilter(queue, states, limit=_PAGE, after=last))
        found += [pilot for pilot in page if not pilot.retiring and pilot.id not in but]
        if len(page) < _PAGE:
            break
        last = page[-1].id
    return found[:most]
