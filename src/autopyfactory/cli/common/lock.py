"""One factory per store on a machine."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autopyfactory.cli.common.failure import Failure
from autopyfactory.config import Config

_TRIES = 5
_PAUSE_S = 0.1


def lock_file(config: Config) -> Path:
    """Return the file that a running factory keeps locked.

    It lies beside an SQLite database; for a database on a server, in the factory's own state directory.
    """
    # here, since SQLAlchemy need not be loaded by verbs that touch no store
    from autopyfactory.store.place import parse_place

    database = parse_place(config.factory.store.get_secret_value()).path
    if database is None:
        return config.factory.state_dir / "factory.lock"
    return database.with_name(f"{database.name}.lock")


@contextmanager
def only_factory(path: Path) -> Iterator[None]:
    """Hold the lock; raises `Failure` with the other's process id where it is taken.

    The kernel lets go of the lock however the process ends, so a file that is left over means nothing.
    """
    with _opened(path) as file:
        if not _taken(file):
            pid = _pid_in(file) or "unknown"
            raise Failure(
                f"another factory runs on this store (process {pid}, lock {path}); "
                "stop it first, or give this one a store of its own"
            )
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def running_factory(path: Path) -> int | None:
    """Return the process id of the factory that holds the lock; None where none does."""
    try:
        file = path.open(encoding="ascii")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid_in(file)
    return None


def _opened(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="ascii")
    except OSError as error:
        raise Failure(
            f"the lock {path} cannot be made: {error.strerror}; its directory must be the factory user's"
        ) from error


def _taken(file: IO[str]) -> bool:
    # Several tries, since "apf status" holds a shared lock for an instant to see whether anybody is there.
    for attempt in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _pid_in(file: IO[str]) -> int | None:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else None
