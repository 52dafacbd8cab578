"""Who operates from a terminal, and the store that they write to."""

import asyncio
import getpass
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

from autopyfactory.api import DeskStore, SystemClock
from autopyfactory.config import Config
from autopyfactory.model import AuditEntry

T = TypeVar("T")


def entry(action: str, target: str, detail: str = "") -> AuditEntry:
    """Return the audit entry of what is being done here and now."""
    return AuditEntry(SystemClock().now(), operator(), action, target, detail, f"cli {socket.gethostname()}")


def operator() -> str:
    """Return who sits here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid, as in containers
        return "unknown"


def with_desk(config: Config, use: Callable[[DeskStore], Awaitable[T]]) -> T:
    """Run ``use`` on the store, opened for writing beside the factory, and return what it returns.

    Raises `StoreUnavailable` where there is none, and `StoreRefused`.
    """

    async def opened() -> T:
        from autopyfactory.store import open_store

        url = config.factory.store.get_secret_value()
        store = await open_store(url, config.factory_id, create=False)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(opened())
