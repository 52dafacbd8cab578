"""``apf notify test``, and notices in ``apf status``."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cli_world import CONFIG, World, apf, make_world, write_config

from autopyfactory.api import NotifyFailed
from autopyfactory.model import ChannelRecord, FactoryId, Notice, NoticeKind, NoticeLook
from autopyfactory.notify.log import LogNotifier
from autopyfactory.store import open_store

TELLING = CONFIG + '\n[notify.ops]\nplugin = "log"\n'


def failing(error: Exception) -> Callable[[LogNotifier, str, str], object]:
    async def send(self: LogNotifier, title: str, body: str) -> None:
        raise error

    return send


def test_a_message_that_gets_through(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = write_config(tmp_path, TELLING)
    ran = apf("notify", "test", "ops", "--config", config)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("notify.ops: sent, in 0.")
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "unit: a test of notify.ops\nThis message is a test of [notify.ops], asked for by `apf notify test`."
    )
    assert list(tmp_path.iterdir()) == [config], "nothing is made, no store either"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotifyFailed("550 no such user"), "notify.ops: 550 no such user"),
        (RuntimeError("bug"), "notify.ops: notify.ops: RuntimeError: bug"),
    ],
)
def test_a_message_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    monkeypatch.setattr(LogNotifier, "send", failing(error))
    config = write_config(tmp_path, TELLING)
    ran = apf("notify", "test", "ops", "--config", config)
    assert (ran.status, ran.out) == (1, "")
    assert told in ran.err
    as_json = apf("notify", "test", "ops", "--json", "--config", config)
    assert as_json.status == 1
    document = as_json.document
    assert (document["name"], document["plugin"], document["ok"]) == ("ops", "log", False)
    assert document["error"] in told


@pytest.mark.parametrize(
    ("name", "hint"), [("opps", 'did you mean "ops"?'), ("telephone", "configured: ops")]
)
def test_one_that_is_not_there(tmp_path: Path, name: str, hint: str) -> None:
    ran = apf("notify", "test", name, "--config", write_config(tmp_path, TELLING))
    assert ran.status == 2
    assert f"there is no [notify.{name}]; {hint}" in ran.err


# --- status


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


async def _keep(world: World, *notices: Notice, trouble: str = "") -> None:
    store = await open_store(f"sqlite:///{world.folder / 'apf.db'}", FactoryId("unit"))
    look = NoticeLook(1, world.now - timedelta(seconds=65), notices, {"ops": ChannelRecord("{}", trouble)})
    assert await store.keep_look(look)
    await store.close()


def test_status_shows_what_is_wrong(world: World) -> None:
    since = world.now - timedelta(hours=2, minutes=1)
    starving = Notice("k", NoticeKind.QUEUE_STARVING, "queue.alpha", "queue.alpha starves", since)
    asyncio.run(_keep(world, starving, trouble="notify.ops: refused (1 messages wait)"))
    document = world.apf("status", "--json").document["notices"]
    (active,) = document["active"]
    assert (active["kind"], active["scope"], active["text"]) == (
        "queue_starving",
        "queue.alpha",
        "queue.alpha starves",
    )
    assert active["since"] == since.isoformat()
    assert document["trouble"] == {"ops": "notify.ops: refused (1 messages wait)"}
    shown = world.apf("status").out
    assert "Notices, as seen 1 min ago" in shown
    row = next(line for line in shown.splitlines() if "queue_starving" in line)
    assert row.split() == ["queue_starving", "2", "h", "ago", "queue.alpha", "starves"]
    assert "notify.ops: refused (1 messages wait)" in shown


def test_status_shows_no_table_where_nothing_is_wrong(world: World) -> None:
    assert world.apf("status", "--json").document["notices"]["looked_at"] is None
    asyncio.run(_keep(world))
    assert world.apf("status", "--json").document["notices"]["active"] == []
    assert "Notices" not in world.apf("status").out
