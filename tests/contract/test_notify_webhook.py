"""The apprise plugin posts to a web hook that asks for a password."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import BasicAuth, web

from autopyfactory.api import Context, Notifier, SystemClock
from autopyfactory.model import FactoryId
from autopyfactory.notify.apprise import AppriseNotifier, AppriseSettings
from autopyfactory.testkit.notify import NotifierContract, NotifierFault, Received

# apprise imports it where it is there
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PASSWORD = "open-sesame"


class HookWorld:
    secret = PASSWORD
    recipients: Sequence[str] = ("hook",)
    plugin: Notifier

    def __init__(self) -> None:
        self._got: list[Received] = []
        self._fault: NotifierFault | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def listen(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        url = f"json://apf:{PASSWORD}@127.0.0.1:{self.port}/hook"
        context = Context(FactoryId("bnl"), "chat", Path("unused"), SystemClock())
        if not hasattr(self, "plugin"):
            settings = AppriseSettings.model_validate({"urls": [url], "timeout_s": 20})
            self.plugin = AppriseNotifier(settings, context)

    async def received(self) -> Sequence[Received]:
        return self._got

    async def stage(self, fault: NotifierFault) -> None:
        self._fault = fault
        if fault is NotifierFault.AWAY:
            await self.close()

    async def repair(self) -> None:
        self._fault = None
        if self._runner is None:
            await self.listen()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        if self._fault is NotifierFault.REFUSES:
            return web.Response(status=500, text="no messages are taken here")
        assert BasicAuth.decode(request.headers["Authorization"]).password == PASSWORD
        said = await request.json()
        self._got.append(Received("hook", said["title"], said["message"]))
        return web.Response()


class TestWebhook(NotifierContract):
    faults = frozenset({NotifierFault.AWAY, NotifierFault.REFUSES})

    @asynccontextmanager
    async def world(self) -> AsyncIterator[HookWorld]:
        world = HookWorld()
        await world.listen()
        try:
            yield world
        finally:
            await world.close()
