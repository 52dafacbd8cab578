"""What a database error means to a factory: try again, or stop."""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError

from autopyfactory.api import AutoPyFactoryError, StoreRefused, StoreUnavailable
from autopyfactory.store.place import Place

_DAMAGED = (
    "is damaged ({said}).  Stop the factory, move the file away together with its -wal and -shm, and restore "
    "a backup; without one, start anew: pilots that the batch systems still have are adopted by their tags"
)
_POSTGRES_READ_ONLY = "25006"
_TRY_AGAIN = "Nothing of the last change was kept; it is tried again"

_SQLITE_PASSING = {
    sqlite3.SQLITE_BUSY: "is locked by another process for more than {wait:g} s (fuser {shown} tells which)",
    sqlite3.SQLITE_LOCKED: "is locked ({said})",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: free some space on the file system that holds it",
    sqlite3.SQLITE_IOERR: "cannot be read or written ({said}): look after the disk that holds it",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened ({said}): file and directory must exist and be {whose}",
    sqlite3.SQLITE_READONLY: "cannot be written: file and directory must be {whose}",
    sqlite3.SQLITE_PERM: "cannot be opened: file and directory must be {whose}",
    sqlite3.SQLITE_NOMEM: "got no memory ({said})",
}


def as_store_error(error: DBAPIError, place: Place, *, read_only: bool) -> AutoPyFactoryError | None:
    """Return the error that names the reaction; None where it is a mistake of the caller's."""
    if isinstance(error, IntegrityError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite(error.orig, place, read_only=read_only)
    if read_only and getattr(error.orig, "sqlstate", None) == _POSTGRES_READ_ONLY:
        return _only_reading(place)
    said = " ".join(str(error.orig).split())
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError | InternalError):
        return StoreUnavailable(f"{place.shown} does not serve: {said}.  {_TRY_AGAIN}")
    return StoreRefused(
        f"{place.shown} does not take what a store needs: {said}.  Check its schema and its rights"
    )


def lost_at_commit(error: DBAPIError, place: Place) -> StoreUnavailable:
    """Return the error for a server that went away before it confirmed."""
    said = " ".join(str(error.orig).split())
    return StoreUnavailable(
        f"{place.shown} was lost before it confirmed ({said}).  The last change may or may not have been kept"
    )


def gone(place: Place) -> StoreUnavailable:
    """Return the error for a file that was removed or replaced while it was in use."""
    return StoreUnavailable(
        f"{place.shown} was removed or replaced while in use.  Put it back, or restart the factory"
    )


def _sqlite(error: sqlite3.Error, place: Place, *, read_only: bool) -> AutoPyFactoryError:
    code = getattr(error, "sqlite_errorcode", 0)  # Python's own complaints have none
    # what a full disk says to one who opens the database: it has no room for the index of its log
    primary = sqlite3.SQLITE_FULL if code == sqlite3.SQLITE_IOERR_SHMSIZE else code & 0xFF
    if primary == sqlite3.SQLITE_READONLY and read_only:
        return _only_reading(place)
    passing = _SQLITE_PASSING.get(primary)
    if passing:
        what = passing.format(
            said=error, shown=place.shown, wait=place.locked_after_s, whose="the factory user's"
        )
        return StoreUnavailable(f"{place.shown} {what}.  {_TRY_AGAIN}")
    return StoreRefused(f"{place.shown} {_DAMAGED.format(said=error)}")


def _only_reading(place: Place) -> StoreRefused:
    return StoreRefused(f"{place.shown} was opened for reading only; name the factory to write to it")
