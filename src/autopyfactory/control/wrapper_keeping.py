"""Removes wrappers of earlier versions from ``state_dir`` once no live pilot can need them.

Pilots go on with the file that they were submitted with, and some batch systems fetch it when they start.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from autopyfactory.api import Clock, Store, StoreUnavailable
from autopyfactory.bundle import other_wrappers, place_wrapper
from autopyfactory.model import Pilot

logger = logging.getLogger(__name__)

EVERY_S = 3600.0
IN_USE_FOR = timedelta(days=1)
"""How long after its last use is told a wrapper may still be submitted: by a factory of another version
beside this one, which tells its own every ``EVERY_S``."""


async def keep_wrappers(directory: Callable[[], Path | None], store: Store, clock: Clock) -> None:
    """Tell that the own wrapper is in use and clean up, now and every hour, until cancelled.

    ``directory``: where the wrapper lies then; None where no queue uses it.
    """
    while True:
        if (folder := directory()) is not None:
            try:
                others = await asyncio.to_thread(_look_after, folder)
                await _clean(others, store, clock.now())
            except (OSError, StoreUnavailable) as error:
                logger.warning("old wrappers stay: %s", error, extra={"action": "clean wrappers"})
        await clock.sleep(EVERY_S)


def _look_after(folder: Path) -> Mapping[Path, datetime]:
    place_wrapper(folder)
    return other_wrappers(folder)


async def _clean(others: Mapping[Path, datetime], store: Store, now: datetime) -> None:
    if not removable(others, (), now):
        return  # live pilots may be many, and are read only where something depends on them
    for path in removable(others, await store.live(), now):
        await asyncio.to_thread(path.unlink, missing_ok=True)
        logger.info("removed %s: no pilot needs it", path.name, extra={"action": "clean wrappers"})


def removable(others: Mapping[Path, datetime], live: Iterable[Pilot], now: datetime) -> list[Path]:
    """Return those of the wrappers, given with their last use, that none of these pilots can need."""
    oldest = min((pilot.planned_at for pilot in live), default=now)
    return sorted(path for path, last_used in others.items() if last_used + IN_USE_FOR < min(oldest, now))
