"""The board's plugin keeps the contract: against a stand-in that obeys, and against a real board."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web
from board_server import serving_board
from sqlalchemy import Connection, delete, insert

from autopyfactory.api import Context, SystemClock
from autopyfactory.board.database import Database, jobs
from autopyfactory.model import FactoryId, JobCounts, WmsQueue
from autopyfactory.testkit.wms import Fault, WmsContract, WmsWorld
from autopyfactory.wms.board import BoardStatus

TIMEOUT_S = 0.5
STATUS_OF = {
    "notready": "assigned",
    "ready": "activated",
    "running": "running",
    "done": "finished",
    "failed": "failed",
}


def plugin(url: str) -> BoardStatus:
    settings = BoardStatus.Settings(url=url, timeout_s=TIMEOUT_S)
    return BoardStatus(settings, Context(FactoryId("f"), "board", Path("unused"), SystemClock()))


class StandIn:
    """A server that answers whatever the test wants."""

    def __init__(self) -> None:
        self.statistics: dict[str, Any] = {}
        self.fault: Fault | None = None
        self.port = 0
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.plugin: BoardStatus

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/api/v1/statistics/active_job_stats_by_site", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self._released.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        if self.fault is Fault.SLOW:
            await self._released.wait()
        if self.fault is Fault.GARBAGE:
            return web.Response(text="<html>It works!</html>")
        if self.fault is Fault.ERROR:
            return web.json_response({"success": False, "message": "Database failure", "data": {}})
        return web.json_response({"success": True, "message": "", "data": self.statistics})

    async def hold(self, held: Mapping[WmsQueue, JobCounts]) -> None:
        self.statistics = {
            queue: {status: getattr(counts, name) for name, status in STATUS_OF.items()}
            for queue, counts in held.items()
        }

    async def stage(self, fault: Fault) -> None:
        self.fault = fault
        if fault is Fault.AWAY:
            await self.stop()

    async def repair(self) -> None:
        if self.fault is Fault.AWAY:
            await self.start()
        self.fault = None
        self._released.set()


class TestAgainstAStandIn(WmsContract):
    faults: ClassVar[frozenset[Fault]] = frozenset(Fault)

    @asynccontextmanager
    async def world(self) -> AsyncIterator[WmsWorld]:
        world = StandIn()
        await world.start()
        world.plugin = plugin(f"http://127.0.0.1:{world.port}")
        yield world
        await world.plugin.close()
        await world.stop()


class BoardWorld:
    """A real board, whose table is written by the test."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._serving = AsyncExitStack()
        self._port = 0
        self.plugin: BoardStatus

    async def start(self) -> None:
        url = await self._serving.enter_async_context(serving_board(self._path, port=self._port))
        self._port = int(url.rpartition(":")[2])
        if not hasattr(self, "plugin"):
            self.plugin = plugin(url)

    async def stop(self) -> None:
        await self._serving.aclose()

    async def hold(self, held: Mapping[WmsQueue, JobCounts]) -> None:
        rows = [
            _row(queue, status)
            for queue, counts in held.items()
            for name, status in STATUS_OF.items()
            if name != "notready"
            for _ in range(getattr(counts, name))
        ]

        def write(connection: Connection) -> None:
            connection.execute(delete(jobs))
            connection.execute(insert(jobs), rows)

        database = Database(self._path)
        await database.run(write)
        await database.close()

    async def stage(self, fault: Fault) -> None:
        assert fault is Fault.AWAY
        await self.stop()

    async def repair(self) -> None:
        await self.start()


def _row(queue: str, status: str) -> dict[str, Any]:
    texts = dict.fromkeys(("name", "node", "diag", "spec"), "")
    numbers = {"priority": 0, "cores": 1, "memory_mb": 1, "attempt": 1, "max_attempts": 1, "kill": False}
    return {"queue": queue, "status": status, "created_at": 0.0, "changed_at": 0.0, **texts, **numbers}


class TestAgainstABoard(WmsContract):
    tells: ClassVar[frozenset[str]] = frozenset({"ready", "running", "done", "failed"})

    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "board.db"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[WmsWorld]:
        world = BoardWorld(self.path)
        await world.start()
        yield world
        await world.plugin.close()
        await world.stop()
