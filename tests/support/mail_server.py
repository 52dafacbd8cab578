"""A real SMTP server on loopback, in the loop of the test."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiosmtpd.smtp import SMTP, Envelope, Session

from autopyfactory.testkit.notify import NotifierFault, Received


class MailServer:
    """Keeps every mail; listens on a port of its own, the same after a pause."""

    def __init__(self) -> None:
        self.mails: list[Received] = []
        self.headers: list[dict[str, str]] = []
        self.fault: NotifierFault | None = None
        self.refused = ""
        """The recipient that is refused while `NotifierFault.ONE_REFUSED` lasts."""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._awake = asyncio.Event()
        self._sessions: set[SMTP] = set()

    async def listen(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._session, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def stage(self, fault: NotifierFault) -> None:
        self.fault = fault
        self._awake.clear()
        if fault is NotifierFault.AWAY:
            await self.stop()

    async def repair(self) -> None:
        self.fault = None
        self._awake.set()
        if self._server is None:
            await self.listen()

    async def close(self) -> None:
        self._awake.set()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.close()
        await self.stop()

    def _session(self) -> SMTP:
        session = SMTP(self, hostname="localhost", loop=asyncio.get_running_loop())
        self._sessions.add(session)
        return session

    # aiosmtpd calls these by name

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault is NotifierFault.SLOW:
            await self._awake.wait()
            return "451 later"
        if self.fault is NotifierFault.REFUSES:
            return "554 no mail is taken here"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault is NotifierFault.ONE_REFUSED and address == self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert mail.get_content_type() == "text/plain", "never HTML"
        body = mail.get_content().replace("\r\n", "\n")
        self.mails += [Received(recipient, str(mail["Subject"]), body) for recipient in envelope.rcpt_tos]
        self.headers.append({name: str(value) for name, value in mail.items()})
        return "250 OK"


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.listen()
    try:
        yield server
    finally:
        await server.close()
