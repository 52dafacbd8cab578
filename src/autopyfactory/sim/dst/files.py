"""Files of stores for worlds that last no longer than a second."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store


@contextmanager
def store_file(factory: FactoryId) -> Iterator[Path]:
    """Give a new store's file, in memory where there is a place for that."""
    with tempfile.TemporaryDirectory(prefix="apf-dst-", dir=_fast_place()) as folder:
        file = Path(folder) / "apf.db"
        file.write_bytes(_template(factory))
        yield file


@cache
def _template(factory: FactoryId) -> bytes:
    """Return an empty store at the head of its schema: copying it is cheaper than making one."""

    async def make(file: Path) -> None:
        store = await open_store(f"sqlite:///{file}", factory, inline=True)
        await store.close()

    with tempfile.TemporaryDirectory(prefix="apf-dst-", dir=_fast_place()) as folder:
        file = Path(folder) / "apf.db"
        asyncio.run(make(file))
        return file.read_bytes()


def _fast_place() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - only temporary folders
