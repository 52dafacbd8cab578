"""The apprise plugin sends mail to a real SMTP server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mail_server import MailServer, mail_server

from autopyfactory.api import Context, Notifier, SystemClock
from autopyfactory.model import FactoryId
from autopyfactory.notify.apprise import AppriseNotifier, AppriseSettings
from autopyfactory.testkit.notify import NotifierContract, NotifierFault, Received

# apprise imports it where it is there
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class MailWorld:
    secret = ""
    recipients: Sequence[str] = ("ops@example.org", "night@example.org", "boss@example.org")

    def __init__(self, server: MailServer) -> None:
        self._server = server
        server.refused = self.recipients[1]
        # several recipients in one URL, and several URLs
        base = f"mailto://127.0.0.1:{server.port}?from=apf@example.org&to="
        self._urls = (base + ",".join(self.recipients[:2]), base + self.recipients[2])
        self.plugin: Notifier = notifier(*self._urls)
        self.repair = server.repair

    async def received(self) -> Sequence[Received]:
        return self._server.mails

    async def stage(self, fault: NotifierFault) -> None:
        if fault is NotifierFault.SLOW:
            # only here: on a busy machine a good mail server may be slow as well
            self.plugin = notifier(*self._urls, timeout_s=1)
        await self._server.stage(fault)


def notifier(*urls: str, timeout_s: float = 20) -> AppriseNotifier:
    context = Context(FactoryId("bnl"), "ops", Path("unused"), SystemClock())
    settings = AppriseSettings.model_validate({"urls": urls, "timeout_s": timeout_s})
    return AppriseNotifier(settings, context)


class TestMail(NotifierContract):
    faults = frozenset(NotifierFault)

    @asynccontextmanager
    async def world(self) -> AsyncIterator[MailWorld]:
        async with mail_server() as server:
            yield MailWorld(server)


async def test_headers_and_envelope() -> None:
    async with mail_server() as server:
        plugin = notifier(f"mailto://127.0.0.1:{server.port}?from=apf@example.org&to=ops@example.org")
        await plugin.send("bnl: batch.schedd is away", "body\n")
    (headers,) = server.headers
    assert headers["From"] == "apf@example.org"
    assert headers["To"] == "ops@example.org"
    assert headers["X-Application"] == "AutoPyFactory"


async def test_a_title_never_adds_a_header() -> None:
    async with mail_server() as server:
        plugin = notifier(f"mailto://127.0.0.1:{server.port}?from=apf@example.org&to=ops@example.org")
        await plugin.send("title\r\nBcc: thief@example.org", "body\n")
    (headers,) = server.headers
    assert "Bcc" not in headers
    assert [mail.recipient for mail in server.mails] == ["ops@example.org"]
