"""Keeps ``log_dir`` within its bounds: whole days go, oldest first, whatever their queues have become.

Only directories named after a day are touched, as `log_folder` makes them, and no symbolic link is followed.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from autopyfactory.api import Clock
from autopyfactory.config.tree import FactorySettings

logger = logging.getLogger(__name__)

EVERY_S = 3600.0
KEPT_IN_ANY_CASE = timedelta(days=1)
"""Today's and yesterday's logs stay, however full the disk is: their pilots write to them."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed."""

    expired: tuple[str, ...] = ()
    """Days past their time."""
    crowded_out: tuple[str, ...] = ()
    """Days removed before their time, for want of space."""
    failed: tuple[str, ...] = ()
    """Days of which something could not be removed, with the reason."""


async def keep_logs(settings: Callable[[], FactorySettings], clock: Clock) -> None:
    """Clean up now, and every hour, until cancelled; ``settings`` are those in force then."""
    while True:
        wanted = settings()
        # a file server may hang, and a day may hold a million files
        cleaned = await asyncio.to_thread(clean_logs, wanted, clock.now())
        report(cleaned)
        await clock.sleep(EVERY_S)


def clean_logs(
    settings: FactorySettings, now: datetime, free_percent: Callable[[Path], float] | None = None
) -> Cleaned:
    """Remove days that are older than ``keep_logs_days``, and more while too little of the disk is free.

    Blocks, and never raises: what cannot be removed is told.
    """
    free = free_percent or _free_percent
    oldest_kept = (now - timedelta(days=settings.keep_logs_days)).date()
    newest_removed = (now - KEPT_IN_ANY_CASE).date()
    expired: list[str] = []
    crowded_out: list[str] = []
    failed: list[str] = []
    for day, folder in _days(settings.log_dir):
        if day >= newest_removed:
            break
        if day < oldest_kept:
            removed = expired
        elif free(settings.log_dir) < settings.log_free_percent:
            removed = crowded_out
        else:
            break
        problem = _remove(folder)
        if problem:
            failed.append(f"{folder.name}: {problem}")
        else:
            removed.append(folder.name)
    return Cleaned(tuple(expired), tuple(crowded_out), tuple(failed))


def report(cleaned: Cleaned) -> None:
    """Log what was removed."""
    fields = {"action": "clean logs"}
    if cleaned.expired:
        logger.info("removed the logs of %s", ", ".join(cleaned.expired), extra=fields)
    if cleaned.crowded_out:
        days = ", ".join(cleaned.crowded_out)
        logger.warning(
            "removed the logs of %s before their time: the disk is nearly full", days, extra=fields
        )
    for problem in cleaned.failed:
        logger.warning("logs cannot be removed: %s", problem, extra=fields)


def _days(log_dir: Path) -> list[tuple[date, Path]]:
    """Return the directories of days, oldest first."""
    found = []
    try:
        with os.scandir(log_dir) as entries:
            for entry in entries:
                day = _day(entry.name)
                if day is not None and entry.is_dir(follow_symlinks=False):
                    found.append((day, Path(entry.path)))
    except OSError:  # not made yet, or away: there is nothing to clean
        return []
    return sorted(found)


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None


def _remove(folder: Path) -> str:
    """Remove a directory as far as it goes; return what stands in the way of the rest."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return str(error.strerror)
    return ""


def _free_percent(path: Path) -> float:
    usage = shutil.disk_usage(path)
    return 100 * usage.free / usage.total if usage.total else 100.0
