"""A real factory tells by real mail that its board is gone, and that it is back."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from board_process import BoardProcess
from factory_process import APF, FactoryHome
from mail_server import MailServer, mail_server

from autopyfactory.testkit.notify import NotifierFault

CONFIG = """
[factory]
id = "mailing"

[wms.board]
plugin = "board"
url = "{board}"
interval_s = 0.3
timeout_s = 5

[batch.here]
plugin = "local"
slots = 2
interval_s = 0.5

[queues.main]
wms = "board"
batch = "here"
interval_s = 0.3
sched = ["ready"]

[notices]
interval_s = 0.3
failures = 2

[notify.ops]
plugin = "apprise"
urls = ["mailto://127.0.0.1:{mail}?from=apf@example.org&to=ops@example.org"]
after_s = 1
retry_s = 0.5
"""
DOWN, BACK = (
    "mailing: wms.board gives no usable answer",
    "mailing: resolved: wms.board gives no usable answer",
)
WITHIN_S = 60


class Post:
    """A factory, its board, and the mail server that it tells."""

    def __init__(self, folder: Path, server: MailServer) -> None:
        self.server = server
        self.board = BoardProcess(folder)
        self.home = FactoryHome(folder)
        self.home.config.write_text(CONFIG.format(board=self.board.url, mail=server.port))

    @property
    def subjects(self) -> list[str]:
        """What was told, without the details."""
        return [mail.title.split(" (")[0] for mail in self.server.mails]

    async def do(self, act: Callable[[], object]) -> None:
        """Do what blocks, while the mail server serves."""
        await asyncio.to_thread(act)

    async def wait(self, condition: Callable[[], bool], for_what: str) -> None:
        await asyncio.to_thread(self.home.wait, condition, for_what, WITHIN_S)

    async def looks(self, n: int) -> None:
        """Wait until the factory has looked that often at what is wrong."""
        number = "SELECT coalesce(max(number), 0) FROM notice_looks"
        seen = self.home.rows(number)[0][0]
        await self.wait(lambda: self.home.rows(number)[0][0] >= seen + n, f"{n} looks")


def apf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*APF, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with mail_server() as server:
        post = Post(tmp_path, server)
        await post.do(post.board.start)
        try:
            await post.do(post.home.start)
            yield post
        finally:
            await post.do(post.home.kill)
            await post.do(post.board.kill)


async def test_a_board_that_is_gone_is_told_once_though_the_factory_is_killed(post: Post) -> None:
    await post.looks(3)
    assert post.subjects == []
    await post.do(post.board.kill)
    await post.wait(lambda: bool(post.subjects), "the mail")
    await post.looks(2)
    assert post.subjects == [DOWN]
    assert post.server.mails[0].recipient == "ops@example.org"
    await post.do(post.home.kill)
    await post.do(post.home.start)
    await post.looks(5)
    assert post.subjects == [DOWN], "not told again after kill -9"
    status = await asyncio.to_thread(post.home.status)
    assert [notice["scope"] for notice in status["notices"]["active"]] == ["wms.board"]
    await post.do(post.board.start)
    await post.wait(lambda: len(post.subjects) > 1, "the second mail")
    await post.looks(3)
    assert post.subjects == [DOWN, BACK]
    await post.do(post.home.stop)


async def test_a_dead_mail_server_holds_nothing_up_and_is_told_when_it_is_back(post: Post) -> None:
    await post.server.stage(NotifierFault.AWAY)
    await post.do(post.board.kill)

    def trouble() -> str:
        return str(post.home.status()["notices"]["trouble"].get("ops", ""))

    await post.wait(lambda: "(1 messages wait)" in trouble(), "status to tell that no mail gets through")
    cycles = "SELECT count(*) FROM cycles"
    before = post.home.rows(cycles)[0][0]
    await post.wait(lambda: post.home.rows(cycles)[0][0] > before + 5, "the factory to go on")
    await post.server.repair()
    await post.wait(lambda: bool(post.subjects), "the mail")
    await post.wait(lambda: not trouble(), "the trouble to be over")
    assert post.subjects == [DOWN]
    await post.do(post.home.stop)


async def test_a_reload_brings_a_notifier_and_takes_it_away(post: Post) -> None:
    told = post.home.config.read_text()
    silent = told.split("[notify.ops]")[0]
    reload = ["reload", "--config", str(post.home.config)]

    async def go_over(text: str) -> None:
        post.home.config.write_text(text)
        reloaded = await asyncio.to_thread(apf, *reload)
        assert reloaded.returncode == 0, reloaded.stderr

    await go_over(silent)
    await post.do(post.board.kill)
    await post.wait(lambda: bool(post.home.rows("SELECT 1 FROM notices")), "the notice")
    await post.looks(6)
    assert post.subjects == []
    await go_over(told)
    await post.wait(lambda: bool(post.subjects), "the mail")
    await go_over(silent)
    await post.do(post.board.start)
    await post.wait(lambda: not post.home.rows("SELECT 1 FROM notices"), "the notice to be over")
    await post.looks(6)
    assert post.subjects == [DOWN]
    await post.do(post.home.stop)


async def test_a_mail_server_that_hangs_does_not_hold_up_the_stop(post: Post) -> None:
    await post.server.stage(NotifierFault.SLOW)
    await post.do(post.board.kill)
    await post.wait(lambda: bool(post.home.rows("SELECT 1 FROM notices")), "the notice")
    await post.looks(6)
    began = time.monotonic()
    await post.do(post.home.stop)
    assert time.monotonic() - began < 30
    assert post.subjects == []


async def test_a_message_by_hand(post: Post) -> None:
    arguments = ["notify", "test", "ops", "--config", str(post.home.config)]
    sent = await asyncio.to_thread(apf, *arguments)
    assert (sent.returncode, post.subjects) == (0, ["mailing: a test of notify.ops"])
    await post.server.stage(NotifierFault.REFUSES)
    refused = await asyncio.to_thread(apf, *arguments)
    assert refused.returncode == 1
    assert "apf: notify.ops: " in refused.stderr
    assert "554" in refused.stderr
