"""The contract of notifiers as a test class.

Subclass `NotifierContract` in a test file, let ``world`` build a receiver that obeys the test together with
the plugin that sends to it, and name the faults that it can stage::

    class TestMyNotifier(NotifierContract):
        faults = frozenset(NotifierFault)

        @asynccontextmanager
        async def world(self) -> AsyncIterator[NotifierWorld]:
            async with my_test_server() as server:
                yield MyWorld(server, MyNotifier(MyNotifier.Settings(url=server.url), context))

The tests are coroutines: run them with pytest-asyncio in its ``auto`` mode.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol

import pytest

from autopyfactory.api import Notifier, NotifyFailed


class NotifierFault(StrEnum):
    """What may be wrong with the other side."""

    AWAY = "away"
    """Nothing answers: the connection is refused."""
    REFUSES = "refuses"
    """It answers that it takes no messages."""
    SLOW = "slow"
    """It answers long after the time-out of the plugin; let that be a second at most."""
    ONE_REFUSED = "one_refused"
    """Of several recipients one is refused, the others are told."""


class Received(NamedTuple):
    """One message as it came in, without headers and encodings."""

    recipient: str
    title: str
    body: str


class NotifierWorld(Protocol):
    """A receiver at the command of a test, and the plugin under test that sends to it."""

    plugin: Notifier
    recipients: Sequence[str]
    """Whom the plugin is told to reach; with `NotifierFault.ONE_REFUSED` two at least."""
    secret: str
    """A password or token that the plugin was given; empty where it takes none."""

    async def received(self) -> Sequence[Received]:
        """Return all that came in since the beginning."""
        ...

    async def stage(self, fault: NotifierFault) -> None:
        """Let the fault begin."""
        ...

    async def repair(self) -> None:
        """Let the fault end."""
        ...


TITLE = "bnl: the schedd's answer is *late* & <slow>"
BODY = "Neu (1):\n- Größe <b>unbekannt</b> & _viel_ 100 % \\n {x}\n\nFactory bnl\n"
STALL_S = 0.5


class NotifierContract(ABC):
    """What every notifier keeps, fakes included."""

    faults: ClassVar[frozenset[NotifierFault]] = frozenset()
    """The faults that ``world`` can stage."""

    @abstractmethod
    def world(self) -> AbstractAsyncContextManager[NotifierWorld]:
        """Return a receiver that has nothing yet and a fresh plugin; leaving closes both."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests of faults once for each fault that can be staged."""
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", sorted(self.faults))

    async def test_everyone_gets_what_was_sent(self) -> None:
        """Title and body arrive as they are, at each recipient once: nothing in them is markup."""
        async with self.world() as world:
            await world.plugin.send(TITLE, BODY)
            self._check(await world.received(), world.recipients, [(TITLE, BODY)])

    async def test_messages_in_their_order(self) -> None:
        """Several messages are several messages."""
        async with self.world() as world:
            sent = [(f"title {i}", f"body {i}\n") for i in range(3)]
            for title, body in sent:
                await world.plugin.send(title, body)
            self._check(await world.received(), world.recipients, sent)

    async def test_the_same_again_is_sent_again(self) -> None:
        """After a success the same title and body are a new message."""
        async with self.world() as world:
            await world.plugin.send(TITLE, BODY)
            await world.plugin.send(TITLE, BODY)
            self._check(await world.received(), world.recipients, [(TITLE, BODY)] * 2)

    async def test_long_body(self) -> None:
        """A body of 15,000 characters arrives from its first line to its last, in one message or several."""
        lines = [f"- line {i} {'x' * 80}" for i in range(160)]
        async with self.world() as world:
            await world.plugin.send("long", "\n".join(lines) + "\n")
            for recipient in world.recipients:
                text = "\n".join(item.body for item in await world.received() if item.recipient == recipient)
                assert [line for line in text.splitlines() if line.startswith("- line")] == lines

    async def test_a_fault_is_told(self, fault: NotifierFault) -> None:
        """What did not reach everyone raises `NotifyFailed`: a reason in its text, and no secret."""
        async with self.world() as world:
            await world.stage(fault)
            with pytest.raises(NotifyFailed) as caught:
                await asyncio.wait_for(world.plugin.send(TITLE, BODY), timeout=30)
            assert str(caught.value).strip(), "the error must tell the operator what failed"
            assert not world.secret or world.secret not in str(caught.value)
            assert caught.value.partly is (fault is NotifierFault.ONE_REFUSED)

    async def test_again_after_a_fault_tells_nobody_twice(self, fault: NotifierFault) -> None:
        """The same message again, once all is well, reaches those that it had not reached."""
        async with self.world() as world:
            await world.stage(fault)
            for _ in range(2):
                with pytest.raises(NotifyFailed):
                    await asyncio.wait_for(world.plugin.send(TITLE, BODY), timeout=30)
            await world.repair()
            await world.plugin.send(TITLE, BODY)
            self._check(await world.received(), world.recipients, [(TITLE, BODY)])

    async def test_the_loop_runs_on(self, fault: NotifierFault) -> None:
        """Sending never holds up the event loop, whatever the other side does."""
        async with self.world() as world:
            await world.stage(fault)
            sending = asyncio.create_task(_send(world.plugin))
            loop, worst_s = asyncio.get_running_loop(), 0.0
            while not sending.done():
                began = loop.time()
                await asyncio.sleep(0.01)
                worst_s = max(worst_s, loop.time() - began)
            await asyncio.gather(sending, return_exceptions=True)
            assert worst_s < STALL_S

    async def test_a_cancelled_send_does_no_harm(self) -> None:
        """A caller may give up at any time; the next message gets through."""
        async with self.world() as world:
            sending = asyncio.create_task(_send(world.plugin))
            await asyncio.sleep(0)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await world.plugin.send("next", "one\n")
            recipients = [item.recipient for item in await world.received() if item.title == "next"]
            assert sorted(recipients) == sorted(world.recipients)

    async def test_close_twice(self) -> None:
        """Closing is harmless before the first message, and twice."""
        async with self.world() as world:
            await world.plugin.close()
            await world.plugin.close()

    def _check(
        self, received: Sequence[Received], recipients: Sequence[str], sent: Sequence[tuple[str, str]]
    ) -> None:
        for recipient in recipients:
            got = [
                (item.title, item.body.rstrip().splitlines())
                for item in received
                if item.recipient == recipient
            ]
            assert got == [(title, body.rstrip().splitlines()) for title, body in sent]
        assert {item.recipient for item in received} <= set(recipients)


async def _send(plugin: Notifier) -> None:
    await plugin.send(TITLE, BODY)
