import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.api import NotifySettings
from autopyfactory.model import FactoryId, Notice, NoticeKind
from autopyfactory.notify import Message, NoticeDesk

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FACTORY = FactoryId("bnl")


def settings(**changes: Any) -> NotifySettings:
    return NotifySettings.model_validate({"plugin": "log", "after_s": 300, "repeat_s": 3600} | changes)


def minute(n: float) -> datetime:
    return START + timedelta(minutes=n)


def notice(key: str, kind: NoticeKind = NoticeKind.QUEUE_STARVING, scope: str = "") -> Notice:
    return Notice(key, kind, scope or f"queue.{key}", f"{key} is in trouble", START)


def run(desk: NoticeDesk, course: Mapping[int, str]) -> list[tuple[int, str]]:
    """Observe at each minute the notices named by letters; return (minute, what was told)."""
    return [
        (at, summary(message))
        for at, letters in course.items()
        for message in desk.observe([notice(letter) for letter in letters], minute(at))
    ]


def summary(message: Message) -> str:
    parts = {"+": message.begun, "=": message.repeated, "-": message.resolved}
    return " ".join(f"{sign}{key}" for sign, keys in parts.items() for key in sorted(keys))


@pytest.mark.parametrize(
    ("course", "told"),
    [
        pytest.param({0: "a", 4: "a"}, [], id="not yet long enough"),
        pytest.param({0: "a", 5: "a", 6: "a"}, [(5, "+a")], id="told once it has lasted, and once"),
        pytest.param({0: "a", 4: "", 5: "a", 9: "a"}, [], id="a break begins the wait anew"),
        pytest.param({0: "ab", 5: "ab"}, [(5, "+a +b")], id="grouped"),
        pytest.param({0: "a", 2: "ab", 5: "ab", 7: "ab"}, [(5, "+a"), (7, "+b")], id="each in its time"),
        pytest.param({0: "a", 4: "", 9: ""}, [], id="never told, never resolved"),
        pytest.param({0: "a", 5: "a", 8: "", 12: "", 13: "", 30: ""}, [(5, "+a"), (13, "-a")], id="resolved"),
        pytest.param(
            {0: "a", 5: "a", 8: "", 10: "a", 12: "", 16: "", 17: ""},
            [(5, "+a"), (17, "-a")],
            id="a short gap is no end",
        ),
        pytest.param(
            {0: "a", 5: "a", 64: "a", 65: "a", 66: "a", 125: "a"},
            [(5, "+a"), (65, "=a"), (125, "=a")],
            id="repeated",
        ),
        pytest.param(
            {0: "a", 5: "a", 8: "", 13: "", 20: "a", 25: "a", 64: "a", 65: "a"},
            [(5, "+a"), (13, "-a"), (65, "+a")],
            id="what comes again waits for its turn",
        ),
        pytest.param(
            {0: "a", 5: "a", 8: "", 13: "", 20: "a", 30: "a", 40: "", 70: "a", 74: "a", 75: "a"},
            [(5, "+a"), (13, "-a"), (75, "+a")],
            id="what went again before its turn is not told",
        ),
        pytest.param(
            {0: "a", 5: "a", 62: "b", 67: "b"},
            [(5, "+a"), (67, "+b -a")],
            id="end and beginning in one message",
        ),
    ],
)
def test_what_is_told_when(course: Mapping[int, str], told: Sequence[tuple[int, str]]) -> None:
    assert run(NoticeDesk(FACTORY, settings()), course) == list(told)


def test_without_a_wait_all_is_told_at_once() -> None:
    desk = NoticeDesk(FACTORY, settings(after_s=0))
    assert run(desk, {0: "a", 1: "", 2: ""}) == [(0, "+a"), (1, "-a")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "BNL BNL_MCORE CERN schedd"),
        ({"kinds": ["queue_starving"]}, "BNL BNL_MCORE CERN"),
        ({"kinds": ["endpoint_down", "store_trouble"]}, "schedd"),
        ({"queues": ["BNL*"]}, "BNL BNL_MCORE schedd"),
        ({"queues": ["bnl", "CERN"]}, "CERN schedd"),
        ({"queues": ["BNL"], "kinds": ["queue_starving"]}, "BNL"),
    ],
)
def test_filters(changes: dict[str, Any], told: str) -> None:
    desk = NoticeDesk(FACTORY, settings(after_s=0, **changes))
    active = [notice(name) for name in ("BNL", "BNL_MCORE", "CERN")]
    active.append(notice("schedd", NoticeKind.ENDPOINT_DOWN, "batch.schedd"))
    (message,) = desk.observe(active, START)
    assert " ".join(sorted(message.begun)) == told


def test_the_newest_text_is_told_with_the_earliest_time() -> None:
    desk = NoticeDesk(FACTORY, settings())
    desk.observe([notice("a")], minute(1))
    later = replace(notice("a"), text="worse", since=minute(5))
    (message,) = desk.observe([later], minute(6))
    assert "- worse (6 min, since 2026-03-01 12:00 UTC)\n" in message.body


def test_how_long_it_lasted() -> None:
    desk = NoticeDesk(FACTORY, settings())
    for at in (0, 6):
        desk.observe([notice("a")], minute(at))
    desk.observe([], minute(12))
    (message,) = desk.observe([], minute(20))
    assert "- a is in trouble (resolved after 12 min)\n" in message.body


def test_goes_on_after_a_restart() -> None:
    course = {0: "ab", 5: "ab", 7: "b", 9: "bc", 12: "bc", 14: "c", 65: "c", 70: "c", 80: "", 90: ""}
    straight = run(NoticeDesk(FACTORY, settings()), course)
    desk, told = NoticeDesk(FACTORY, settings()), []
    for at, letters in course.items():
        kept = json.loads(json.dumps(desk.state()))
        desk = NoticeDesk(FACTORY, settings())
        desk.restore(kept)
        told += run(desk, {at: letters})
    assert told == straight
    assert len(told) > 4


def test_what_the_settings_leave_out_now_is_not_told_as_resolved() -> None:
    desk = NoticeDesk(FACTORY, settings(after_s=0))
    desk.observe([notice("a"), notice("b")], START)
    other = NoticeDesk(FACTORY, settings(after_s=0, queues=["b"]))
    other.restore(desk.state())
    assert run(other, {1: ""}) == [(1, "-b")]


@pytest.mark.parametrize("kept", [{"courses": 3}, {"courses": {"a": {}}}, {"told_at": {"a": "soon"}}])
def test_a_broken_state_is_refused_and_changes_nothing(kept: dict[str, Any]) -> None:
    desk = NoticeDesk(FACTORY, settings())
    desk.observe([notice("a")], START)
    before = desk.state()
    with pytest.raises(ValueError):
        desk.restore(kept)
    assert desk.state() == before


STEPS = st.lists(
    st.tuples(st.integers(0, 25), st.frozensets(st.sampled_from("abc")), st.booleans()),
    min_size=1,
    max_size=60,
)


@given(steps=STEPS, after_min=st.integers(0, 10), repeat_min=st.integers(1, 40))
def test_never_too_often_and_every_end_is_told(
    steps: Sequence[tuple[int, frozenset[str], bool]], after_min: int, repeat_min: int
) -> None:
    """Told as there at most once in ``repeat_s``; begin and end take turns; all that was told ends."""
    chosen = settings(after_s=after_min * 60, repeat_s=repeat_min * 60)
    desk, at = NoticeDesk(FACTORY, chosen), 0
    last_told: dict[str, int] = {}
    open_now: set[str] = set()
    quiet = [(max(after_min, 1), frozenset[str](), False)] * 2
    for wait, letters, restart in [*steps, *quiet]:
        at += wait
        if restart:
            kept = json.loads(json.dumps(desk.state()))
            desk = NoticeDesk(FACTORY, chosen)
            desk.restore(kept)
        messages = desk.observe([notice(letter) for letter in letters], minute(at))
        assert len(messages) <= 1
        for message in messages:
            assert not message.begun & message.repeated
            assert not message.resolved & (message.begun | message.repeated)
            assert message.begun.isdisjoint(open_now), "told twice"
            assert message.repeated <= open_now, "repeated before it was told"
            assert message.resolved <= open_now, "resolved, but never told"
            assert message.begun | message.repeated <= letters, "told, but not there"
            for key in message.begun | message.repeated:
                assert at - last_told.get(key, -1000) >= repeat_min
                last_told[key] = at
            open_now = (open_now | message.begun) - message.resolved
    assert not open_now, "told, but its end was not"
