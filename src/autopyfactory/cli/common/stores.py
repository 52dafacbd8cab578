"""Opens the store of a configuration for a verb that reads it, wherever the factory runs.

The store is imported where it is used: SQLAlchemy and alembic cost a third of a second that "apf sched" and
"apf --help" need not wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from autopyfactory.config import Config

if TYPE_CHECKING:
    from autopyfactory.store import SqlStore

T = TypeVar("T")


def with_store(config: Config, use: Callable[["SqlStore"], Awaitable[T]]) -> T:
    """Run ``use`` on the store, opened to be read only, and return what it returns.

    Raises `StoreUnavailable` where there is none: nothing is made, and nothing is migrated.
    """

    async def opened() -> T:
        from autopyfactory.store import open_store

        store = await open_store(config.factory.store.get_secret_value(), None, create=False)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(opened())


def probe(config: Config) -> str:
    """Return in what state the store is; raises `StoreUnavailable` or `StoreRefused`.

    One that is not there yet is well: the first run makes it.
    """
    from autopyfactory.store import head, schema_version
    from autopyfactory.store.place import parse_place

    url = config.factory.store.get_secret_value()
    path = parse_place(url).path
    if path is not None and not path.exists():
        return "not there yet: the first run makes it"
    schema = schema_version(url)
    if schema is None:
        return "empty: the first run fills it"
    return f"schema {schema}" if schema == head() else f'schema {schema}: run "apf db upgrade" first'
