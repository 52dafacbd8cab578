"""Reloading, what is told of it, and what an operator sees of trouble with pilots."""

import asyncio
import os
import tomllib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cli_world import CONFIG, World, apf, make_world, write_config

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.ages import parse_duration
from autopyfactory.cli.common.beside import Beside, Reload
from autopyfactory.cli.common.config_files import look
from autopyfactory.cli.common.lock import only_factory
from autopyfactory.cli.common.reloading import Reloader, Source
from autopyfactory.cli.common.wiring import build
from autopyfactory.config import Config, diff_snapshots, load
from autopyfactory.model import EndpointHealth, FactoryId, PilotState, Transition
from autopyfactory.store import open_store
from autopyfactory.wms.none import NoStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PID = 4711
WITHOUT_URL = CONFIG.replace('plugin = "board"', 'plugin = "none"').replace('url = "http://127.0.0.1:9"', "")
WITHOUT_URL += '\n[notify.log]\nplugin = "log"\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


# --- beside the lock


def test_the_last_reload_is_told_by_the_process_that_did_it(tmp_path: Path) -> None:
    beside = Beside(tmp_path / "apf.db.lock")
    reload = Reload(PID, NOW, NOW + timedelta(seconds=1), "SIGHUP", ("+ queues.new",), ("no",))
    assert beside.last_reload(PID) is None
    beside.keep_reload(reload)
    assert beside.last_reload(PID) == reload
    assert beside.last_reload(PID + 1) is None, "what an earlier process left says nothing"
    beside.clear()
    assert beside.last_reload(PID) is None


def test_what_the_factory_uses_is_for_its_user_only(tmp_path: Path) -> None:
    config = load([write_config(tmp_path, WITHOUT_URL)], {})
    beside = Beside(tmp_path / "apf.db.lock")
    beside.keep_effective(config, PID)
    kept = beside.effective(PID)
    assert kept is not None
    assert not diff_snapshots(kept, type(kept).of(config, kept.key))
    assert (tmp_path / "apf.db.effective.json").stat().st_mode & 0o777 == 0o600
    assert beside.effective(None) is None


def test_half_a_file_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "apf.db.reload.json").write_text('{"pid": 47')
    assert Beside(tmp_path / "apf.db.lock").last_reload(PID) is None


# --- the reloader


class FakeFactory:
    """Takes every configuration, or none, and is slow about it."""

    def __init__(self, *, takes: bool) -> None:
        self.takes = takes
        self.taken: list[Config] = []
        self.endpoints = frozenset({"wms.board", "batch.local"})
        self._under_way = False

    def endpoints_to_build(self, config: Config) -> set[str]:
        return {"wms.board"}

    def notifiers_to_build(self, config: Config) -> set[str]:
        return {"log"}

    async def reconfigure(
        self, config: Config, wms: dict[str, Any], batch: dict[str, Any], notifiers: dict[str, Any]
    ) -> bool:
        assert (list(wms), list(batch), list(notifiers)) == (["board"], [], ["log"])
        assert not self._under_way, "one comes after the other"
        self._under_way = True
        await asyncio.sleep(0.02)
        self._under_way = False
        if self.takes:
            self.taken.append(config)
        return self.takes


class Stand:
    """A reloader between a file and a factory."""

    def __init__(self, folder: Path, *, takes: bool = True, text: str = WITHOUT_URL) -> None:
        self.folder = folder
        self.file = write_config(folder, text)
        self.beside = Beside(folder / "apf.db.lock")
        self.asked = asyncio.Event()
        self.factory = FakeFactory(takes=takes)
        clock = SystemClock()
        source = Source([self.file], look([self.file]), lambda: load([self.file], {}))
        config = source.read()
        self.endpoints = build(config, clock)
        factory: Any = self.factory
        self.reloader = Reloader(config, source, factory, self.endpoints, self.beside, clock, self.asked)

    def change(self, old: str, new: str, text: str = WITHOUT_URL) -> None:
        assert old in text
        write_config(self.folder, text.replace(old, new))

    async def reloaded(self, n: int) -> None:
        async with asyncio.timeout(10):
            while len(self.factory.taken) < n:
                await asyncio.sleep(0.01)


async def test_what_is_taken_replaces_what_was_there(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    wms, batch = stand.endpoints.wms["board"], stand.endpoints.batch["local"]
    stand.change("maximum = 25", "maximum = 26")
    reload = await stand.reloader.reload("SIGHUP")
    assert (reload.ok, reload.cause) == (True, "SIGHUP")
    assert reload.changes == (
        "~ queues.alpha.sched[1].max_pending.maximum: 25 → 26",
        "~ queues.blind.sched[1].max_pending.maximum: 25 → 26",
    )
    assert stand.endpoints.wms["board"] is not wms
    assert stand.endpoints.batch["local"] is batch
    assert not (await stand.reloader.reload("SIGHUP")).changes, "it compares with what it uses now"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('id = "unit"', 'id = "', "not TOML"),
        ('id = "unit"', 'id = "another"', "factory.id cannot change while the factory runs"),
        ('batch = "local"', 'batch = "lokal"', 'did you mean "local"?'),
    ],
)
async def test_what_is_wrong_changes_nothing(tmp_path: Path, old: str, new: str, says: str) -> None:
    stand = Stand(tmp_path)
    wms = stand.endpoints.wms["board"]
    stand.change(old, new)
    reload = await stand.reloader.reload("SIGHUP")
    assert says in reload.problems[0]
    assert stand.factory.taken == []
    assert stand.endpoints.wms["board"] is wms


async def test_plugins_that_are_not_taken_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []

    async def close(plugin: NoStatus) -> None:
        closed.append(plugin)

    monkeypatch.setattr(NoStatus, "close", close)
    stand = Stand(tmp_path, takes=False)
    reload = await stand.reloader.reload("SIGHUP")
    assert reload.problems == ("the factory is about to stop",)
    assert closed
    assert stand.endpoints.wms["board"] not in closed


async def test_a_plugin_that_cannot_be_built_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand = Stand(tmp_path)

    def refuse(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(NoStatus, "__init__", refuse)
    reload = await stand.reloader.reload("SIGHUP")
    assert reload.problems == ("RuntimeError: out of order",)
    assert "a reload failed unexpectedly" in caplog.text


async def test_those_who_ask_while_one_is_under_way_are_served_by_one_more(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    async with stand.reloader.running():
        stand.asked.set()
        async with asyncio.timeout(10):
            while not stand.factory._under_way:
                await asyncio.sleep(0)
        for _ in range(5):
            stand.asked.set()
        await stand.reloaded(2)
        await asyncio.sleep(0.1)  # real time: a third would have come
    assert len(stand.factory.taken) == 2


async def test_a_disk_that_takes_nothing_keeps_no_factory_from_reloading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stand = Stand(tmp_path)
    (tmp_path / "apf.db.reload.json").mkdir()
    assert (await stand.reloader.reload("SIGHUP")).ok
    assert "the files beside the lock cannot be written" in caplog.text


def test_a_look_tells_whether_files_have_changed(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.toml", tmp_path / "queues.d"
    before = look([file, folder])
    file.write_text("a")
    folder.mkdir()
    looks = [before, look([file, folder])]
    (folder / "b.toml").write_text("b")
    looks.append(look([file, folder]))
    (folder / ".b.toml.swp").write_text("b")
    assert look([file, folder]) == looks[-1], "what is not read does not count"
    (folder / "new").write_text("b")
    (folder / "new").replace(folder / "b.toml")
    looks.append(look([file, folder]))
    (folder / "b.toml").unlink()
    looks.append(look([file, folder]))
    assert all(a != b for a, b in pairwise(looks))


# --- the verbs


def test_reload_reports_a_bad_file_without_disturbing_anybody(tmp_path: Path) -> None:
    file = write_config(tmp_path, "[factory]")
    ran = apf("reload", "--config", file)
    assert (ran.status, ran.out) == (1, "")
    assert "not reloaded, nothing has changed: 1 problem" in ran.err
    document = apf("reload", "--json", "--config", file).document
    assert not document["ok"]
    assert "factory.id" in document["problems"][0]


def test_reload_signals_nobody_but_a_factory_that_reloads(world: World) -> None:
    ran = world.apf("reload")
    assert ran.status == 1
    assert "no factory runs on this store" in ran.err
    with only_factory(world.folder / "apf.db.lock"):  # as "apf db upgrade" holds it: SIGHUP would end us
        ran = world.apf("reload")
    assert ran.status == 1
    assert "takes no reloads" in ran.err


def test_config_show_is_the_effective_configuration(world: World) -> None:
    document = world.apf("config", "show", "--json").document
    assert document["queues"]["alpha"]["interval_s"] == 120
    assert document["factory"]["store"] == "**********"
    shown = tomllib.loads(world.apf("config", "show").out)
    assert shown["queues"]["alpha"]["sched"][1] == {
        "max_pending": document["queues"]["alpha"]["sched"][1]["max_pending"]
    }
    assert "max_per_factory" not in shown["factory"]


def test_config_diff_of_two(world: World) -> None:
    (world.folder / "other").mkdir()
    text = CONFIG.replace("[queues.blind]", "[queues.seeing]").replace('id = "unit"', 'id = "other"')
    other = write_config(world.folder / "other", text)
    ran = world.apf("config", "diff", other)
    assert ran.out.splitlines()[:3] == ["+ queues.seeing", "- queues.blind", '~ factory.id: "unit" → "other"']
    assert "needs a restart: factory.id, factory.store, factory.state_dir" in ran.out
    document = world.apf("config", "diff", other, "--json").document
    assert (document["added"], document["removed"]) == (["queues.seeing"], ["queues.blind"])


def test_config_diff_needs_a_factory_or_a_second_configuration(world: World) -> None:
    ran = world.apf("config", "diff")
    assert ran.status == 1
    assert "no factory runs here" in ran.err


# --- what is told of trouble


def test_status_tells_why_the_last_reload_was_refused(world: World) -> None:
    refused = Reload(os.getpid(), world.now, world.now, "SIGHUP", (), ("apf.toml: not TOML", "another"))
    with only_factory(world.folder / "apf.db.lock"):
        assert world.apf("status", "--json").document["factory"]["reload"] is None
        Beside(world.folder / "apf.db.lock").keep_reload(refused)
        assert world.apf("status", "--json").document["factory"]["reload"]["ok"] is False
        assert "apf.toml: not TOML (and 1 further problem)" in world.apf("status", width=200).out


async def _trouble(world: World) -> None:
    store = await open_store(f"sqlite:///{world.folder / 'apf.db'}", FactoryId("unit"))
    try:
        at = world.now - timedelta(minutes=2)
        await store.record([Transition(world.waiting, at, PilotState.HELD, "no such file [x]", releases=2)])
        failing = {"error": "over quota", "error_at": at, "failures": 4, "retry_at": at + timedelta(hours=1)}
        names = ("queue.alpha", "batch.local.submit", "queue.removed", "batch.removed.submit")
        await store.save_health([EndpointHealth(name, **failing) for name in names])  # type: ignore[arg-type]
    finally:
        await store.close()


def test_status_counts_held_pilots_by_reason(world: World) -> None:
    assert "Held" not in world.apf("status").out
    asyncio.run(_trouble(world))
    (group,) = world.apf("status", "--json").document["held"]
    assert (group["queue"], group["reason"], group["pilots"], group["releases"]) == (
        "alpha",
        "no such file [x]",
        1,
        2,
    )
    assert "Held, by reason" in world.apf("status").out


def test_status_lists_what_backs_off(world: World) -> None:
    asyncio.run(_trouble(world))
    endpoints = world.apf("status", "--json").document["endpoints"]
    found = {item["name"]: item["failures"] for item in endpoints}
    assert found == {"wms.board": 3, "batch.local": 0, "batch.local.submit": 4, "queue.alpha": 4}
    assert "in 57 min" in world.apf("status", width=160).out


def test_pilots_older_than(world: World) -> None:
    found = world.apf("pilots", "--older-than", "9min", "--json").document["pilots"]
    assert [pilot["id"] for pilot in found] == [world.running, world.waiting]
    one = world.apf("pilots", "--older-than", "9min", "--state", "running", "--json").document["pilots"]
    assert [pilot["id"] for pilot in one] == [world.running]
    assert world.apf("pilots", "--older-than", "8d", "--json").document["pilots"] == []
    assert "the oldest 1" in world.apf("pilots", "--older-than", "1s", "--limit", "1").out


@pytest.mark.parametrize("wrong", ["", "8", "d", "-8d", "8 weeks", "1e3s", "9" * 400 + "d"])
def test_pilots_older_than_what_is_no_time(world: World, wrong: str) -> None:
    ran = world.apf("pilots", "--older-than", wrong)
    assert ran.status == 2
    assert "--older-than" in ran.err


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5 h", 5400), ("8d", 691_200), ("2min", 120)])
def test_times_as_people_type_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
