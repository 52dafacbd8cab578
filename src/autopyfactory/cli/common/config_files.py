"""Tells whether configuration files have changed, without reading them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

Look = Mapping[Path, tuple[int, int, int]]
"""Inode, size and time of the last change of every file that is there."""


def look(paths: Sequence[Path]) -> Look:
    """Return how files, and the ``*.toml`` in directories, look now."""
    seen = {}
    for file in _files(paths):
        try:
            found = file.stat()
        except OSError:
            continue
        seen[file] = (found.st_ino, found.st_size, found.st_mtime_ns)
    return seen


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            found = list(path.iterdir())
        except OSError:
            yield path  # a file, or what is not there now and may come back
        else:
            yield from (file for file in found if file.suffix == ".toml")
