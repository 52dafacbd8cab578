from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model import FactoryId, Notice, NoticeKind, Severity
from autopyfactory.notify.message import BODY_CHARS, TITLE_CHARS, Resolved, compose, one_line, span

NOW = datetime(2026, 3, 1, 15, 20, tzinfo=UTC)
BNL = FactoryId("bnl")


def notice(key: str, text: str = "", **changes: object) -> Notice:
    since = NOW - timedelta(hours=3, minutes=20)
    kept = {"kind": NoticeKind.ENDPOINT_DOWN, "severity": Severity.WARNING, "since": since} | changes
    return Notice(key=key, scope=f"batch.{key}", text=text or f"{key} is away", **kept)  # type: ignore[arg-type]


def test_a_whole_message() -> None:
    message = compose(
        BNL,
        NOW,
        begun=[notice("a", since=NOW - timedelta(minutes=5)), notice("b", severity=Severity.CRITICAL)],
        repeated=[notice("c")],
        resolved=[Resolved(notice("d"), NOW - timedelta(hours=1))],
    )
    assert message.title == "bnl: 2 new, 1 still there, 1 resolved"
    assert message.body == (
        "New (2):\n"
        "- b is away (3 h 20 min, since 2026-03-01 12:00 UTC)\n"
        "- a is away (5 min, since 2026-03-01 15:15 UTC)\n"
        "\n"
        "Still there (1):\n"
        "- c is away (3 h 20 min, since 2026-03-01 12:00 UTC)\n"
        "\n"
        "Resolved (1):\n"
        "- d is away (resolved after 2 h 20 min)\n"
        "\n"
        "Factory bnl, 2026-03-01 15:20 UTC\n"
    )
    assert sorted(message.begun) == ["a", "b"]
    assert sorted(message.repeated) == ["c"]
    assert sorted(message.resolved) == ["d"]


def test_the_title_tells_a_single_notice() -> None:
    one = notice("a")
    assert compose(BNL, NOW, [one], [], []).title == "bnl: a is away"
    assert compose(BNL, NOW, [], [one], []).title == "bnl: still: a is away"
    assert compose(BNL, NOW, [], [], [Resolved(one, NOW)]).title == "bnl: resolved: a is away"


def test_what_is_beyond_the_limit_is_counted() -> None:
    many = [notice(f"q{i}", kind=NoticeKind.QUEUE_STARVING) for i in range(900)]
    critical = [notice("schedd", severity=Severity.CRITICAL)]
    message = compose(BNL, NOW, [*many, *critical], [], [])
    assert message.body.startswith("New (901):\n- schedd is away")
    assert "- and 886 more (886 queue starving): see `apf status`\n" in message.body
    assert len(message.begun) == 901


@given(st.lists(st.text(max_size=2000), min_size=1, max_size=60))
def test_bounded_whatever_other_systems_say(texts: list[str]) -> None:
    notices = [notice(str(i), text) for i, text in enumerate(texts)]
    message = compose(BNL, NOW, notices, notices, [Resolved(item, NOW) for item in notices])
    assert len(message.body) <= BODY_CHARS
    assert len(message.title) <= TITLE_CHARS
    assert len(message.title.splitlines()) == 1
    assert sum(line.startswith("- ") for line in message.body.splitlines()) <= 48


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\r\nlines\tof\x00text", "two lines of text"),
        ("  <b>bold</b> & more ", "<b>bold</b> & more"),
        ("\x1b[31mred\u2028next", "[31mred next"),
        ("x" * 20, "xxxxxxxxx…"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text, 10 if text.startswith("xx") else 240) == line


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_span(seconds: int, words: str) -> None:
    assert span(NOW, NOW + timedelta(seconds=seconds)) == words
