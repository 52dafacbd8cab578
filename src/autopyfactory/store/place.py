"""Where a store is: a URL, checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from autopyfactory.api import StoreRefused

_EXPECTED = "expected sqlite:///FILE or postgresql://USER@HOST/NAME"
LOCKED_AFTER_S = 5.0
"""How long to wait for another process's transaction; ``?timeout=SECONDS`` in a SQLite URL overrides."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is."""

    url: URL
    shown: str
    """For texts: the file, or the URL without its password."""
    path: Path | None = None
    """SQLite's file; None: PostgreSQL, or in memory."""

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite database, on disk or in memory."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def in_memory(self) -> bool:
        """Whether nothing of it outlives the process."""
        return self.is_sqlite and self.path is None

    @property
    def locked_after_s(self) -> float:
        """How long to wait for another process's transaction."""
        return float(str(self.url.query.get("timeout", LOCKED_AFTER_S)))


def parse_place(url: str) -> Place:
    """Return the place that a URL names; raises `StoreRefused` where it names none."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        # the text of the error may hold a password
        raise StoreRefused(f"the store's URL cannot be read; {_EXPECTED}") from error
    if backend == "sqlite":
        return _sqlite(parsed)
    if backend in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
        return Place(parsed, parsed.set(drivername="postgresql").render_as_string(hide_password=True))
    raise StoreRefused(f"a store cannot be kept in {backend!r}; {_EXPECTED}")


def _sqlite(url: URL) -> Place:
    name = url.database or ""
    timeout: Any = url.query.get("timeout", "0")
    if url.host or name.startswith("file:") or set(url.query) - {"timeout"} or not _is_number(timeout):
        raise StoreRefused(f"{url.render_as_string(hide_password=True)} is no store's URL; {_EXPECTED}")
    if name in ("", ":memory:"):
        return Place(url, "the store in memory")
    return Place(url, name, Path(name))


def _is_number(text: object) -> bool:
    return isinstance(text, str) and text.replace(".", "", 1).isdecimal()
