"""Builds the wrapper from its sources, which are read as data: nothing here imports it."""

import hashlib
import importlib.resources
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path

BUILTIN_WRAPPER = "builtin:wrapper"
"""What the configuration calls it."""

_PACKAGE = "autopyfactory"
_ROOM = "wrapper"
_HEAD = "head.sh"
_BEGIN = "__main__.py"
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644
_HASH_DIGITS = 16
_PLACED = re.compile(rf"{_ROOM}-[0-9a-f]{{{_HASH_DIGITS}}}")


@cache
def wrapper_bytes() -> bytes:
    """Return the whole file; the same sources always give the same bytes.

    Nothing is compressed: not every Python on a worker node can do that, and what it comes to differs between
    versions.
    """
    room = importlib.resources.files(_PACKAGE) / _ROOM
    whole = io.BytesIO()
    whole.write((room / _HEAD).read_bytes())
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        _add(archive, _BEGIN, (room / _BEGIN).read_bytes())
        _add(archive, f"{_PACKAGE}/__init__.py", b"")
        for name, content in sorted(_sources(room, f"{_PACKAGE}/{_ROOM}/")):
            _add(archive, name, content)
    return whole.getvalue()


def wrapper_path(directory: Path) -> Path:
    """Return where `place_wrapper` puts the file: its name changes with its content.

    Pilots that wait at a site go on with the file that they were submitted with.
    """
    digest = hashlib.sha256(wrapper_bytes()).hexdigest()
    return directory / f"{_ROOM}-{digest[:_HASH_DIGITS]}"


def place_wrapper(directory: Path) -> Path:
    """Write the file into the directory unless it is there, whole or not at all; raises `OSError`.

    Its time of modification tells when it was last in use: see `other_wrappers`.
    """
    path = wrapper_path(directory)
    if path.is_file() and path.read_bytes() == wrapper_bytes():
        with suppress(PermissionError):  # another user's: it is for that user to say
            os.utime(path)
        return path
    directory.mkdir(parents=True, exist_ok=True)
    write_executable(path, wrapper_bytes())
    return path


def other_wrappers(directory: Path) -> dict[Path, datetime]:
    """Return the files that `place_wrapper` of other versions left there, and when each was last in use.

    Raises `OSError`.
    """
    own = wrapper_path(directory).name
    with os.scandir(directory) as entries:
        return {
            Path(entry.path): datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
            for entry in entries
            if _PLACED.fullmatch(entry.name) and entry.name != own and entry.is_file(follow_symlinks=False)
        }


def write_executable(path: Path, content: bytes) -> None:
    """Write an executable file in one step: others see the old one or the new one; raises `OSError`."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o755)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.create_system = 3  # Unix, wherever it is built
    entry.external_attr = _MODE << 16
    archive.writestr(entry, content)


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for child in folder.iterdir():
        if child.is_dir():
            yield from _sources(child, f"{prefix}{child.name}/")
        elif child.name.endswith(".py"):
            yield prefix + child.name, child.read_bytes()
