"""The board as a web application."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from autopyfactory.api import Clock, StoreRefused, StoreUnavailable, SystemClock
from autopyfactory.board import queue
from autopyfactory.board.database import Database
from autopyfactory.board.guard import Guard
from autopyfactory.board.routes import Board, Reply, routes

logger = logging.getLogger(__name__)

_MAX_WATCH_S = 5.0


def create_app(
    database: Path, *, lease_s: float = 120, clock: Clock | None = None, token: str | None = None
) -> FastAPI:
    """Return the application; it serves once, until its lifespan ends.

    A job whose pilot is silent for ``lease_s`` goes back to the queue.  With a ``token`` every caller must
    send it.  Raises `StoreUnavailable` and `StoreRefused` where the database cannot be used.
    """
    board = Board(Database(database), timedelta(seconds=lease_s), clock or SystemClock())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # while the board was away no pilot could report
        await board.run(partial(queue.renew, now=board.clock.now(), lease=board.lease))
        watch = asyncio.create_task(_watch_leases(board), name="board-leases")
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await board.database.close()

    app = FastAPI(
        title="AutoPyFactory board",
        description="A workload queue that speaks a subset of the PanDA API v1.",
        lifespan=lifespan,
        # their pages load scripts from elsewhere; /openapi.json stays
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(routes(board))
    app.add_middleware(Guard, token=token)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(StoreUnavailable, _database_error)
    app.add_exception_handler(StoreRefused, _database_error)
    return app


async def _watch_leases(board: Board) -> None:
    every_s = min(_MAX_WATCH_S, board.lease.total_seconds() / 4)
    while True:
        before = board.clock.now()
        await board.clock.sleep(every_s)
        await end_leases(board, asleep=board.clock.now() - before > timedelta(seconds=2 * every_s))


async def end_leases(board: Board, *, asleep: bool) -> None:
    """Send the jobs of silent pilots back to the queue.

    ``asleep``: this process stood still (a suspended machine), so that no pilot could reach it; the leases
    start anew instead.  A database that fails is logged and tried again at the next call.
    """
    now: datetime = board.clock.now()
    try:
        if asleep:
            await board.run(partial(queue.renew, now=now, lease=board.lease))
        elif late := await board.run(partial(queue.expire, now=now)):
            logger.warning("ended the leases of %d jobs: their pilots are silent", late)
    except (StoreUnavailable, StoreRefused) as error:
        logger.error("cannot look after the leases: %s", error)  # noqa: TRY400 (its text says all)


def _reply(status: int, message: str) -> JSONResponse:
    return JSONResponse(Reply(success=False, message=message).model_dump(), status_code=status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for nothing else)
    problems = [_problem(problem) for problem in error.errors()]
    more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
    # PanDA answers wrong parameters with HTTP 200 as well
    return _reply(200, "; ".join(problems[:10]) + more)


def _problem(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "json_invalid":
        return f"the body is not JSON: {problem['ctx']['error']} at character {problem['loc'][-1]}"
    place = ".".join(str(part) for part in problem["loc"][1:])
    return f"{place or problem['loc'][0]}: {problem['msg']}"


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for nothing else)
    return _reply(error.status_code, str(error.detail))


async def _database_error(_: Request, error: Exception) -> JSONResponse:
    logger.error("%s", error)
    return _reply(200, f"Database error: {error}")
