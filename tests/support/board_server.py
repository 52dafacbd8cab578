"""A board that serves in the process of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autopyfactory.board import create_app, serve


@asynccontextmanager
async def serving_board(database: Path, *, port: int = 0, **options: Any) -> AsyncIterator[str]:
    """Serve on a free port unless told, with options of `create_app`; gives the URL."""
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(create_app(database, **options), "127.0.0.1", port, ready.set_result, stop)
    )
    try:
        yield await ready
    finally:
        stop.set()
        await serving
