"""Two real factories on one PostgreSQL tell operators once: the owner of the first queue, then its heir."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from board_process import BoardProcess
from factory_process import FactoryHome
from mail_server import mail_server
from postgres_server import database, needs_postgres
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

__all__ = ["database"]
pytestmark = needs_postgres

CONFIG = """
[factory]
id = "mailing"
store = "{store}"
shared = true
lease_s = 10

[wms.board]
plugin = "board"
url = "{board}"
interval_s = 0.5
timeout_s = 5

[batch.here]
plugin = "local"
slots = 1
interval_s = 1

[queues.main]
wms = "board"
batch = "here"
interval_s = 1
sched = ["ready"]

[notices]
interval_s = 0.5
failures = 2

[notify.ops]
plugin = "apprise"
urls = ["mailto://127.0.0.1:{mail}?from=apf@example.org&to=ops@example.org"]
after_s = 2
retry_s = 0.5
"""
DOWN, BACK = (
    "mailing: wms.board gives no usable answer",
    "mailing: resolved: wms.board gives no usable answer",
)


class Twin(FactoryHome):
    """One of the two, in a folder of its own."""

    def __init__(self, folder: Path, store: str, config: str) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.config.write_text(config)
        self._url = make_url(store).set(drivername="postgresql+psycopg")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the server."""
        with create_engine(self._url, poolclass=NullPool).connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def owns(self) -> bool:
        return any(f"/{self.pid}/" in owner for (owner,) in self.rows("SELECT owner FROM leases"))

    def await_looks(self, n: int) -> None:
        """Wait until somebody has looked that often at what is wrong."""
        query = "SELECT number FROM notice_looks"
        ((seen,),) = self.rows(query)
        self.wait(lambda: self.rows(query)[0][0] >= seen + n, f"{n} looks", 60)


async def do(act: Callable[[], object]) -> None:
    """Do what blocks, while the mail server serves."""
    await asyncio.to_thread(act)


async def test_one_tells_and_the_other_goes_on_from_there(tmp_path: Path, database: str) -> None:
    board = BoardProcess(tmp_path)
    await do(board.start)
    async with mail_server() as server:
        config = CONFIG.format(store=database, board=board.url, mail=server.port)
        first, second = (Twin(tmp_path / name, database, config) for name in ("first", "second"))

        def subjects() -> list[str]:
            return [mail.title.split(" (")[0] for mail in server.mails]

        try:
            await do(first.start)
            await do(lambda: first.wait(first.owns, "the first to own the queue", 60))
            await do(second.start)
            await do(board.kill)
            await do(lambda: first.wait(lambda: bool(subjects()), "the mail", 60))
            await do(lambda: first.await_looks(3))
            assert subjects() == [DOWN]
            await do(first.kill)
            await do(lambda: second.wait(second.owns, "the second to take over", 60))
            await do(lambda: second.await_looks(5))
            assert subjects() == [DOWN], "it knows what the first one told"
            await do(board.start)
            await do(lambda: second.wait(lambda: len(subjects()) > 1, "the second mail", 60))
            await do(lambda: second.await_looks(3))
            assert subjects() == [DOWN, BACK]
            await do(second.stop)
        finally:
            for process in (first, second, board):
                await do(process.kill)
