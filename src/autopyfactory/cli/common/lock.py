"""One factory per store on a machine."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from autopyfactory.cli.common.failure import Failure
from autopyfactory.config import Config

_TRIES = 5
_PAUSE_S = 0.1
_BYTES = 512


@dataclass(frozen=True, slots=True)
class RunningFactory:
    """The factory that holds a lock, as it tells beside its store."""

    pid: int | None
    """Its process id; None where the file does not hold it."""
    store_trouble: str
    """Why its store does not serve, so that it submits nothing; empty where it does."""


class HeldLock:
    """A lock that is held, and what its file says.

    The file has one size and is written over in place, which a full disk takes as well.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def tell(self, store_trouble: str) -> None:
        """Say why the store does not serve, or by an empty text that it does; raises `OSError`."""
        text = f"{os.getpid()}\n{' '.join(store_trouble.split())}"
        content = text.encode()[: _BYTES - 1].ljust(_BYTES - 1) + b"\n"
        os.pwrite(self._file.fileno(), content, 0)


def lock_file(config: Config) -> Path:
    """Return the file that a running factory keeps locked.

    It lies beside an SQLite database; for a database on a server, and where several factories share one, in
    the factory's own state directory.
    """
    # here, since SQLAlchemy need not be loaded by verbs that touch no store
    from autopyfactory.store.place import parse_place

    database = parse_place(config.factory.store.get_secret_value()).path
    if database is None or config.factory.shared:
        return config.factory.state_dir / "factory.lock"
    return database.with_name(f"{database.name}.lock")


@contextmanager
def only_factory(path: Path) -> Iterator[HeldLock]:
    """Hold the lock; raises `Failure` with the other's process id where it is taken.

    The kernel lets go of the lock however the process ends, so a file that is left over means nothing.
    """
    with _opened(path) as file:
        if not _taken(file):
            pid = _read(file).pid or "unknown"
            raise Failure(
                f"another factory runs on this store (process {pid}, lock {path}); "
                "stop it first, or give this one a store of its own"
            )
        lock = HeldLock(file)
        try:
            lock.tell("")
        except OSError as error:
            raise Failure(f"the lock {path} cannot be written: {error.strerror}; make room for it") from error
        yield lock


def running_factory(path: Path) -> RunningFactory | None:
    """Return the factory that holds the lock; None where none does."""
    try:
        file = path.open("rb")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
    return None


def _opened(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
    except OSError as error:
        raise Failure(
            f"the lock {path} cannot be made: {error.strerror}; its directory must be the factory user's"
        ) from error


def _taken(file: IO[bytes]) -> bool:
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


def _read(file: IO[bytes]) -> RunningFactory:
    text = os.pread(file.fileno(), _BYTES, 0).decode(errors="ignore")
    pid, _, store_trouble = text.partition("\n")
    return RunningFactory(int(pid) if pid.isdecimal() else None, store_trouble.strip())
