"""The log as a way to reach operators."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autopyfactory.api import Context, Notifier, SystemClock
from autopyfactory.model import FactoryId
from autopyfactory.notify.log import LogNotifier
from autopyfactory.testkit.notify import NotifierContract, NotifierFault, Received


class LogWorld:
    secret = ""
    recipients: Sequence[str] = ("log",)

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        context = Context(FactoryId("bnl"), "log", Path("unused"), SystemClock())
        self.plugin: Notifier = LogNotifier(LogNotifier.Settings(), context)
        self._log = caplog

    async def received(self) -> Sequence[Received]:
        for record in self._log.records:
            assert record.levelno == logging.WARNING
            assert vars(record)["notify"] == "log"
        parts = [record.getMessage().partition("\n") for record in self._log.records]
        return [Received("log", title, body) for title, _, body in parts]

    async def stage(self, fault: NotifierFault) -> None:
        raise NotImplementedError("a log never fails")

    async def repair(self) -> None:
        raise NotImplementedError("a log never fails")


class TestLog(NotifierContract):
    @pytest.fixture(autouse=True)
    def _catch(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        with caplog.at_level(logging.WARNING, logger="autopyfactory.notify.log"):
            self._log = caplog
            yield

    @asynccontextmanager
    async def world(self) -> AsyncIterator[LogWorld]:
        yield LogWorld(self._log)
