"""The whole way of a report: the shipped file, under a real factory, to its web, its store and its API."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from board_process import BoardProcess
from factory_process import APF, FactoryHome

from autopyfactory.board import JobStatus
from autopyfactory.model import FactoryId, PilotId, QueueName, token

PATIENCE_S = 60

CONFIG = """
[factory]
id = "home"
settle_s = 3

[web]
enabled = true
port = {port}
url = "http://127.0.0.1:{port}"

[wms.board]
plugin = "board"
url = "{board}"
interval_s = 0.5

[batch.here]
plugin = "local"
slots = 1
interval_s = 0.5

[queues.Q]
wms = "board"
batch = "here"
interval_s = 0.5
sched = ["ready", {{max_to_run = {{maximum = 1}}}}]

[queues.Q.pilot]
executable = "wrapper"
arguments = '''--wrapperserverurl {{wms.url}} --wrapperwmsqueue Q --max-payloads 2 --idle 60 --poll 0.2
    --report-every 0.2 --benchmark 0.05 --require disk=1 --require write --advise commands=no-such-program'''
memory_mb = 64
"""
# counts up in a file until it is let go
PAYLOAD = """
import pathlib, sys, time
ticks, go = map(pathlib.Path, sys.argv[1:])
for n in range(100_000):
    ticks.write_text(str(n))
    if go.exists():
        break
    time.sleep(0.05)
"""


@dataclass(frozen=True, slots=True)
class World:
    """A factory that can be killed, a board, and a payload of two rounds."""

    folder: Path
    home: FactoryHome
    board: BoardProcess
    url: str

    def submit(self, name: str) -> None:
        self.board.submit(
            "Q", 1, "python3", "-c", PAYLOAD, *(str(self.folder / f"{name}.{x}") for x in ("n", "go"))
        )

    def let_go(self, name: str) -> None:
        (self.folder / f"{name}.go").touch()

    def ticks(self, name: str) -> int:
        file = self.folder / f"{name}.n"
        return int(file.read_text() or -1) if file.exists() else -1

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            return json.load(reply)

    def post(self, path: str, bearer: str) -> int:
        """Report something by a token, and return the status."""
        one = {"seq": 9999, "at": "2026-03-01T12:00:00Z", "state": "fault", "message": "forged"}
        request = urllib.request.Request(
            self.url + path,
            json.dumps({"reports": [one]}).encode(),
            {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def pilot(self) -> str:
        """Return the only pilot that has reported anything."""
        names = [item["id"] for item in self.get("/api/v1/pilots")["items"]]
        (name,) = [name for name in names if self.reports(name)]
        return str(name)

    def reports(self, pilot: str) -> Sequence[dict[str, Any]]:
        items: Sequence[dict[str, Any]] = self.get(f"/api/v1/pilots/{pilot}/reports?limit=1000")["items"]
        return items


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    subprocess.run(
        [*APF, "wrapper", "build", "-o", str(tmp_path / "wrapper")], check=True, capture_output=True
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    board, home = BoardProcess(tmp_path), FactoryHome(tmp_path)
    home.config.write_text(CONFIG.format(port=port, board=board.url))
    world = World(tmp_path, home, board, f"http://127.0.0.1:{port}")
    with ExitStack() as stack:
        stack.enter_context(board.serving())
        stack.callback(home.kill)
        for name in ("one", "two"):  # whatever happens, the pilot comes to its end
            stack.callback(world.let_go, name)
        yield world


def until(world: World, condition: Any, for_what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited for {for_what}\n{world.home.said()[-3000:]}"
        time.sleep(0.05)


def states(reports: Sequence[dict[str, Any]]) -> list[str]:
    """Return what was reported, heartbeats left out."""
    return [report["state"] for report in reports if report["state"] != "heartbeat"]


def test_reports_arrive_whatever_becomes_of_the_factory_and_nobody_forges_them(world: World) -> None:
    world.submit("one")
    world.submit("two")
    world.home.start()
    until(world, lambda: world.ticks("one") > 0, "the first payload")

    world.home.kill()
    before = world.ticks("one")
    until(world, lambda: world.ticks("one") > before + 10, "the payload to go on without the web")
    world.let_go("one")
    until(world, lambda: world.ticks("two") > 0, "the next payload, without the web")
    assert world.board.jobs("Q")[JobStatus.FINISHED] == 1

    world.home.start()
    pilot = world.pilot()
    until(world, lambda: states(world.reports(pilot)).count("payload") == 3, "what was reported meanwhile")
    world.let_go("two")
    until(world, lambda: world.get(f"/api/v1/pilots/{pilot}")["state"] == "done", "the end of the pilot")

    reports = world.reports(pilot)
    assert states(reports) == ["started", "validated", *["payload"] * 4, "exiting"]
    assert [report["seq"] for report in reports] == sorted({report["seq"] for report in reports})
    validated = next(report["data"] for report in reports if report["state"] == "validated")
    assert {step["step"]: step["ok"] for step in validated["validation"]} == {
        "disk=1": True, "write": True, "commands=no-such-program": False,
    }  # fmt: skip
    assert validated["profile"]["cpu"]["usable"] >= 1
    assert validated["profile"]["benchmark"]["db12"] > 0
    assert validated["profile"]["host"] == socket.gethostname()
    payloads = [report["data"]["status"] for report in reports if report["state"] == "payload"]
    assert payloads == ["running", "finished"] * 2
    assert reports[-1]["data"] == {"rc": 0, "payloads": 2}
    assert world.board.jobs("Q")[JobStatus.FINISHED] == 2

    _refuses_what_is_no_token_of_the_pilot(world, pilot)
    world.home.stop()


def _refuses_what_is_no_token_of_the_pilot(world: World, pilot: str) -> None:
    before = world.reports(pilot)
    key = (world.folder / "state/report.key").read_bytes()
    soon = datetime.now(UTC) + timedelta(hours=1)
    other = pilot[:-1] + ("0" if pilot[-1] != "0" else "1")

    def minted(key: bytes = key, factory: str = "home", name: str = pilot, ends: datetime = soon) -> str:
        return token.mint(key, FactoryId(factory), PilotId(name), QueueName("Q"), ends)

    path = f"/api/v1/pilots/{pilot}/reports"
    assert world.post(path, minted(key=b"x" * 32)) == 401
    assert world.post(path, minted()[:-1]) == 401
    assert world.post(path, minted(ends=soon - timedelta(hours=2))) == 401
    assert world.post(path, minted(name=other)) == 403
    assert world.post(path, minted(factory="elsewhere")) == 403
    assert world.post(f"/api/v1/pilots/{other}/reports", minted()) == 403
    assert world.reports(pilot) == before
    assert world.post(path, minted()) == 202, "the pilot's own token is good"
