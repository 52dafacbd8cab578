"""Outbox and channel: nothing is lost silently."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.api import NotifyFailed, NotifySettings
from autopyfactory.model import FactoryId, Notice, NoticeKind
from autopyfactory.notify import Channel, Message, Outbox
from autopyfactory.notify.outbox import CEILING_S, PARTLY_TRIES, WAITING

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AWAY = NotifyFailed("the mail server is away")
ONE_REFUSED = NotifyFailed("no such user", partly=True)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def message(name: str) -> Message:
    return Message(title=name, body=f"body of {name}\n")


def restarted(box: Outbox) -> Outbox:
    other = Outbox("ops", 60)
    other.restore(json.loads(json.dumps(box.state())))
    return other


def title(box: Outbox, at: datetime) -> str:
    letter = box.due(at)
    return letter.title if letter else ""


def test_oldest_first_and_each_once() -> None:
    box = Outbox("ops", 60)
    assert box.due(START) is None
    for name in "ab":
        box.put(message(name))
    assert title(box, START) == "a"
    assert title(box, START) == "a", "the same until it is through"
    box.sent()
    assert title(box, START) == "b"
    box.sent()
    assert box.due(START) is None
    assert box.pending == 0


def test_backs_off_up_to_a_ceiling() -> None:
    box, at, waits = Outbox("ops", 60), START, []
    box.put(message("a"))
    for _ in range(9):
        assert title(box, at) == "a"
        box.failed(AWAY, at)
        box = restarted(box)
        wait_s = next(s for s in range(10, 2 * CEILING_S, 10) if box.due(at + timedelta(seconds=s)))
        waits.append(wait_s)
        at += timedelta(seconds=wait_s)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    box.sent()
    box.put(message("b"))
    assert title(box, at) == "b", "a success ends the back-off"


def test_what_was_dropped_is_logged_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    box = Outbox("ops", 60)
    box.put(message("first"))
    assert title(box, START) == "first"
    box.failed(AWAY, START)
    caplog.clear()
    for i in range(WAITING + 3):
        box.put(message(f"m{i}"))
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert [record.getMessage() for record in caplog.records] == [
        f"a message to operators was dropped: m{i}; the mail server is away" for i in range(3)
    ]
    box = restarted(box)
    letter = box.due(after(60))
    assert letter is not None
    assert (letter.title, letter.body) == ("first", "body of first\n"), "never changed between two attempts"
    box.sent()
    second = box.due(after(60))
    assert second is not None
    assert second.title == "m3"
    assert second.body == "body of m3\n\nMessages that did not reach everyone before this one: 3\n"
    box.sent()
    third = box.due(after(60))
    assert third is not None
    assert third.body == "body of m4\n", "said once"


def test_one_dead_address_does_not_keep_the_others_waiting() -> None:
    box, at = Outbox("ops", 60), START
    for name in "ab":
        box.put(message(name))
    for _ in range(PARTLY_TRIES):
        assert title(box, at) == "a"
        box.failed(ONE_REFUSED, at)
        at += timedelta(seconds=CEILING_S)
    letter = box.due(at)
    assert letter is not None
    assert letter.title == "b"
    assert letter.body.endswith("before this one: 1; the last error: no such user\n")


def test_a_broken_state_is_refused() -> None:
    with pytest.raises(ValueError):
        Outbox("ops", 60).restore({"waiting": 3})


class Mouth:
    """A notifier that fails on demand."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.error: NotifyFailed | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.closed = 0

    async def send(self, title: str, body: str) -> None:
        await self.go.wait()
        if self.error is not None:
            raise self.error
        self.said.append(title)

    async def close(self) -> None:
        self.closed += 1


def channel(mouth: Mouth) -> Channel:
    settings = NotifySettings(plugin="log", after_s=0, repeat_s=3600)
    return Channel("ops", FactoryId("bnl"), settings, mouth)


def notice(key: str) -> Notice:
    return Notice(key, NoticeKind.ENDPOINT_DOWN, f"batch.{key}", f"{key} is away", START)


async def test_a_notice_reaches_operators_after_a_pause_and_a_restart() -> None:
    mouth = Mouth()
    mouth.error = AWAY
    first = channel(mouth)
    first.observe([notice("a")], START)
    await first.deliver(START)
    assert first.trouble == "notify.ops: the mail server is away (1 messages wait)"
    mouth.error = None
    second = channel(mouth)
    second.restore(json.loads(json.dumps(first.state())))
    await second.deliver(after(30))
    assert mouth.said == [], "still backing off"
    second.observe([], after(70))
    await second.deliver(after(70))
    assert mouth.said == ["bnl: a is away", "bnl: resolved: a is away"]
    assert second.trouble == ""
    await second.close()
    assert mouth.closed == 1


async def test_two_deliveries_at_the_same_time_send_once() -> None:
    mouth = Mouth()
    mouth.go.clear()
    both = channel(mouth)
    both.observe([notice("a")], START)
    first = asyncio.create_task(both.deliver(START))
    await asyncio.sleep(0)
    await asyncio.wait_for(both.deliver(START), timeout=10)
    mouth.go.set()
    await first
    assert mouth.said == ["bnl: a is away"]


async def test_a_delivery_that_is_cancelled_is_made_up_for() -> None:
    mouth = Mouth()
    mouth.go.clear()
    ours = channel(mouth)
    ours.observe([notice("a")], START)
    sending = asyncio.create_task(ours.deliver(START))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    mouth.go.set()
    await ours.deliver(after(1))
    assert mouth.said == ["bnl: a is away"]
