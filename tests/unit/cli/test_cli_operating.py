"""Holding queues back, tokens, the search through logs, and the web that a terminal starts."""

import asyncio
import json
import signal
import stat
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_world import CONFIG, World, apf, make_world, write_config

from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.webs import report_key, with_reports
from autopyfactory.config import load
from autopyfactory.model import AuditEntry, FactoryId, Override, OverrideKind, Retirement
from autopyfactory.store import open_store


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def desk(world: World) -> tuple[dict[str, Override], list[AuditEntry]]:
    """Return what operators ask for, and the audit trail."""

    async def read() -> tuple[dict[str, Override], list[AuditEntry]]:
        store = await open_store(f"sqlite:///{world.folder / 'apf.db'}", FactoryId("unit"))
        try:
            return {str(name): wish for name, wish in (await store.overrides()).items()}, await store.audit()
        finally:
            await store.close()

    return asyncio.run(read())


def test_drain_and_resume(world: World) -> None:
    assert "alpha is drained" in world.apf("drain", "alpha", "--reason", "disk").out
    wishes, trail = desk(world)
    assert (wishes["alpha"].kind, wishes["alpha"].why) == (OverrideKind.DRAINED, "disk")
    assert (trail[0].action, trail[0].target) == ("drain", "alpha")
    assert trail[0].origin.startswith("cli ")
    assert world.apf("resume", "alpha").status == 0
    wishes, trail = desk(world)
    assert not wishes
    assert [entry.action for entry in trail] == ["resume", "drain"]


def test_a_downtime_for_some_hours(world: World) -> None:
    before = datetime.now(UTC)
    assert world.apf("downtime", "alpha", "--for", "4h", "--reason", "power").status == 0
    until = desk(world)[0]["alpha"].until
    assert until is not None
    assert timedelta(0) <= until - before - timedelta(hours=4) < timedelta(minutes=1)


def test_pilots_to_remove(world: World) -> None:
    async def going() -> dict[str, Retirement]:
        store = await open_store(f"sqlite:///{world.folder / 'apf.db'}", FactoryId("unit"))
        try:
            return {str(pilot): order for pilot, order in (await store.retirements()).items()}
        finally:
            await store.close()

    assert "1 pilot of alpha will be removed\n" in world.apf("retire", "alpha", "3", "--reason", "disk").out
    assert {order.why for order in asyncio.run(going()).values()} == {"disk"}
    assert "has no pilot that waits: nothing" in world.apf("retire", "alpha", "3").out
    ran = world.apf("retire", "alpha", "3", "--running")
    assert "1 pilot of alpha will be removed, 1 of them running" in ran.out
    assert world.running in asyncio.run(going())
    trail = [(entry.action, entry.target, entry.detail) for entry in desk(world)[1]]
    assert trail == [
        ("retire", "alpha", "1 of 3 waiting or running pilots"),
        ("retire", "alpha", "0 of 3 waiting pilots"),
        ("retire", "alpha", "1 of 3 waiting pilots: disk"),
    ]


@pytest.mark.parametrize("arguments", [("alhpa", "3"), ("alpha", "0"), ("alpha", "many"), ("alpha",)])
def test_orders_to_remove_that_cannot_be_meant(world: World, arguments: tuple[str, ...]) -> None:
    assert world.apf("retire", *arguments).status == 2
    assert desk(world)[1] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("alpha",), "either --until or --for"),
        (("alpha", "--for", "1h", "--until", "2099-01-01"), "either --until or --for"),
        (("alpha", "--for", "soon"), "no duration"),
        (("alpha", "--until", "soon"), "no time"),
        (("alpha", "--until", "2001-01-01"), "past"),
        (("alpha", "--for", "9999d"), "ten years"),
        (("alhpa", "--for", "1h"), 'did you mean "alpha"'),
    ],
)
def test_downtimes_that_cannot_be_meant(world: World, arguments: tuple[str, ...], said: str) -> None:
    ran = world.apf("downtime", *arguments)
    assert ran.status == 2
    assert said in ran.err
    assert not desk(world)[0]


def test_a_token_is_shown_once_and_can_be_revoked(world: World) -> None:
    made = world.apf(
        "token", "create", "ann", "--scope", "operate", "--scope", "read", "--days", "9", "--json"
    )
    assert made.document["token"].startswith("apf_")
    listed = world.apf("token", "list", "--json").document["tokens"][0]
    assert (listed["name"], listed["scopes"], listed["refusal"]) == ("ann", ["operate", "read"], "")
    assert "apf_" not in world.apf("token", "list").out
    assert made.document["token"].encode() not in (world.folder / "apf.db").read_bytes()
    assert world.apf("token", "revoke", listed["id"]).status == 0
    again = world.apf("token", "revoke", listed["id"])
    assert (again.status, "no token" in again.err) == (1, True)
    assert "revoked" in world.apf("token", "list").out
    assert [entry.action for entry in desk(world)[1]] == ["token.revoke", "token.create"]


def test_the_search_through_logs(world: World) -> None:
    out = world.write_log(world.running, "out", "all is well\nNo space left on device\n")
    world.write_log(world.failed, "err", "no space LEFT\n")
    found = world.apf("logs", "grep", "No space left", "--days", "2")
    assert found.out == f"{out}:2: No space left on device\n"
    assert world.apf("logs", "grep", "-i", "no space left", "--days", "2").out.count("\n") == 2
    assert world.apf("logs", "grep", "-i", "space", "--days", "2", "--part", "err").out.count("\n") == 1
    assert world.apf("logs", "grep", "-i", "space", "--days", "2", "--limit", "1").out.count("\n") == 1
    assert world.apf("logs", "grep", "space", "--days", "2", "--queue", "blind").status == 1
    assert world.apf("logs", "grep", "(").status == 2


def test_a_log_is_shown_with_and_without_the_verb(world: World) -> None:
    world.write_log(world.running, "err", "hello\n")
    assert world.apf("logs", "show", world.running, "--err").out == "hello\n"
    assert apf("logs", "--err", world.running, "--config", world.config).out == "hello\n"


def test_the_key_is_made_once_for_the_factory_alone(tmp_path: Path) -> None:
    key = report_key(tmp_path / "state")
    file = tmp_path / "state/report.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert report_key(tmp_path / "state") == key
    file.write_bytes(b"short")
    with pytest.raises(Failure, match="cut short"):
        report_key(tmp_path / "state")


def test_pilots_are_told_where_to_report_only_where_it_is_known(tmp_path: Path) -> None:
    file = write_config(tmp_path)
    assert all(not queue.spec.report_url for queue in with_reports(load([file], {})).queues.values())
    assert not (tmp_path / "state").exists()
    write_config(tmp_path, CONFIG + '\n[web]\nurl = "https://apf.example.org/"\n')
    spec = with_reports(load([file], {})).queues["alpha"].spec  # type: ignore[index]
    assert spec.report_url == "https://apf.example.org"
    assert spec.report_key == report_key(tmp_path / "state")


def test_the_web_serves_until_it_is_told_to_stop(world: World) -> None:
    write_config(world.folder, CONFIG + "\n[web]\nport = 0\n")
    command = [str(Path(sys.executable).with_name("apf")), "web", "serve", "--config", str(world.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/api/v1/queues", timeout=10) as answer:
            names = [queue["name"] for queue in json.load(answer)["items"]]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert names == ["alpha", "blind"]
