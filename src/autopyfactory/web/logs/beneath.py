"""Opens files beneath a directory, whatever is asked for: no path climbs out, no symbolic link leads out.

Every step is opened relative to the one before, without following links, so that nobody can exchange a
directory for a link in between.
"""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

_COMMON = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class NotThere(Exception):
    """There is nothing there that may be shown."""


def steps(path: str) -> list[str]:
    """Return the names along a path; raises `NotThere` for what is no plain path, or holds hidden names."""
    names = [name for name in path.split("/") if name]
    if any(name.startswith(".") or "\0" in name or len(os.fsencode(name)) > 255 for name in names):
        raise NotThere
    return names


def open_file(root: Path, names: Sequence[str]) -> int:
    """Return a descriptor of a regular file beneath ``root``; raises `NotThere`."""
    # not to wait for a writer, where somebody put a FIFO
    return _open(root, names, os.O_NONBLOCK, stat.S_ISREG)


def open_directory(root: Path, names: Sequence[str]) -> int:
    """Return a descriptor of a directory beneath ``root``, or of it itself; raises `NotThere`."""
    return _open(root, names, os.O_DIRECTORY, stat.S_ISDIR)


def _open(root: Path, names: Sequence[str], flags: int, wanted: Callable[[int], bool]) -> int:
    try:
        # the root itself may be a link: it is the operator's choice
        current = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        for index, name in enumerate(names):
            last = index + 1 == len(names)
            parent = current
            try:
                current = os.open(name, _COMMON | (flags if last else os.O_DIRECTORY), dir_fd=parent)
            finally:
                os.close(parent)
    except OSError as error:
        raise NotThere from error
    if not wanted(os.fstat(current).st_mode):
        os.close(current)
        raise NotThere
    return current
