"""Reports: what is sent, what is tried again, and that the payload never waits for them."""

import json
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pilot_process import run_wrapper
from report_server import PILOT_ID, ReportServer

from autopyfactory.wrapper.outbox import BATCH, ROOM, NotNow, Outbox, Refused
from autopyfactory.wrapper.report import Monitor, monitor_from_environment

COMMAND = ("--wrapperplugin", "command", "--benchmark", "0.05", "--command")


@pytest.fixture
def monitor() -> Iterator[ReportServer]:
    server = ReportServer()
    yield server
    server.close()


def test_what_a_whole_life_reports(monitor: ReportServer, tmp_path: Path) -> None:
    code, output = run_wrapper(tmp_path, *COMMAND, "sh -c 'env; exit 3'", **monitor.environment)
    assert code == 3, output
    assert monitor.states() == ["started", "validated", "payload", "payload", "exiting"]
    assert [report["seq"] for report in monitor.reports] == [1, 2, 3, 4, 5]
    path, headers, _ = monitor.calls[0]
    assert path == f"/base/api/v1/pilots/{PILOT_ID}/reports"
    assert headers["Authorization"] == "Bearer signed"
    (validated,) = monitor.of("validated")
    profile = validated["data"]["profile"]
    assert {"host", "os", "kernel", "cpu", "memory_mb", "cgroup", "disk_mb", "network", "containers"} <= set(
        profile
    )
    assert profile["benchmark"]["db12"] > 0
    begun, ended = monitor.of("payload")
    assert begun["data"] == {"payload": "command-1", "attempt": None, "status": "running"}
    assert ended["data"].items() >= {"payload": "command-1", "status": "failed", "exit_code": 3}.items()
    assert {"wall_s", "cpu_s", "max_rss_mb"} <= set(ended["data"])
    assert ended["message"].startswith("exit code 3")
    (exiting,) = monitor.of("exiting")
    assert exiting["data"] == {"rc": 3, "payloads": 1}
    assert exiting["at"].endswith("Z")
    assert len(exiting["at"]) == len("2026-11-22T17:15:31.981Z")
    assert "APF_PILOT_TOKEN" not in output, "payloads do not get the token"
    assert "signed" not in output


def test_it_goes_on_trying_and_loses_nothing(tmp_path: Path) -> None:
    server = ReportServer([500, 429])
    try:
        code, _ = run_wrapper(tmp_path, *COMMAND, "sleep 1", **server.environment)
        assert code == 0
        seen = {report["seq"]: report["state"] for report in server.reports}
        assert list(seen.values()) == ["started", "validated", "payload", "payload", "exiting"]
    finally:
        server.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_final_and_work_goes_on(status: int, tmp_path: Path) -> None:
    server = ReportServer(always=status)
    try:
        code, output = run_wrapper(tmp_path, *COMMAND, "touch ../done", **server.environment)
        assert code == 0, output
        assert (tmp_path / "done").exists()
        assert len(server.calls) == 1
        assert "nothing is sent any more" in output
    finally:
        server.close()


def test_an_absent_monitor_stops_nothing(tmp_path: Path) -> None:
    away = {"APF_REPORT_URL": "http://127.0.0.1:1", "APF_PILOT": "p", "APF_PILOT_TOKEN": "t"}
    started = time.monotonic()
    code, output = run_wrapper(tmp_path, *COMMAND, "touch ../done", **away, APFMON="http://127.0.0.1:1",
                               APFFID="f", APFCID="1.0")  # fmt: skip
    assert code == 0, output
    assert (tmp_path / "done").exists()
    assert "messages were not delivered" in output
    assert time.monotonic() - started < 25


@pytest.mark.parametrize("missing", ["APF_PILOT", "APF_PILOT_TOKEN"])
def test_half_an_identity_is_told(missing: str, monitor: ReportServer, tmp_path: Path) -> None:
    environment = monitor.environment
    del environment[missing]
    code, output = run_wrapper(tmp_path, *COMMAND, "true", **environment)
    assert code == 0
    assert "no reports" in output
    assert monitor.calls == []


def test_heartbeats_tell_of_the_payload(monitor: ReportServer, tmp_path: Path) -> None:
    run_wrapper(
        tmp_path, *COMMAND, "sleep 1.2", "--report-every", "0.3", "--watch", "0.1", **monitor.environment
    )
    told = [beat["data"] for beat in monitor.of("heartbeat")]
    while_it_ran = [data for data in told if "payload" in data]
    assert len(while_it_ran) >= 2
    assert {data["payload"] for data in while_it_ran} == {"command-1"}
    assert while_it_ran[-1]["max_rss_mb"] > 0


def test_a_failed_validation_tells_all_that_was_found(monitor: ReportServer, tmp_path: Path) -> None:
    code, output = run_wrapper(
        tmp_path, *COMMAND, "touch ../done", "--require", "disk=1", "--require", "commands=no-such-program",
        "--advise", "disk=999999999", **monitor.environment,
    )  # fmt: skip
    assert code == 84, output
    assert not (tmp_path / "done").exists()
    assert monitor.states() == ["started", "fault"]
    (fault,) = monitor.of("fault")
    assert fault["message"] == "commands=no-such-program: not found: no-such-program"
    assert fault["data"]["rc"] == 84
    found = fault["data"]["validation"]
    assert [(each["step"], each["required"], each["ok"]) for each in found] == [
        ("disk=1", True, True),
        ("commands=no-such-program", True, False),
        ("disk=999999999", False, False),
    ]
    assert all(each["message"] and each["seconds"] >= 0 for each in found)
    assert fault["data"]["profile"]["host"]


def test_wrong_usage_is_reported_too(monitor: ReportServer, tmp_path: Path) -> None:
    code, _ = run_wrapper(tmp_path, "--lifetme", "3", **monitor.environment)
    assert code == 83
    (fault,) = monitor.of("fault")
    assert fault["data"]["rc"] == 83
    assert "--wrapperserverurl" in fault["message"] or "--lifetme" in fault["message"]


@pytest.mark.parametrize(
    ("command", "states"),
    [
        ("true", [("running", None), ("exiting", "0"), ("done", None)]),
        ("sh -c 'exit 3'", [("running", None), ("exiting", "3"), ("done", None)]),
        ("", [("running", None), ("fault", "83")]),
    ],
)
def test_the_old_protocol(
    command: str, states: list[tuple[str, str | None]], monitor: ReportServer, tmp_path: Path
) -> None:
    run_wrapper(tmp_path, *COMMAND, command, APFMON=monitor.url, APFFID="bnl", APFCID="12.0")
    assert {path for path, _, _ in monitor.calls} == {"/base/jobs/bnl:12.0"}
    forms = [dict(urllib.parse.parse_qsl(body.decode())) for _, _, body in monitor.calls]
    assert [(form["state"], form.get("rc")) for form in forms] == states


def _wait_until_empty(outbox: Outbox) -> None:
    outbox.close(5)


def test_an_outbox_keeps_order_and_sends_in_batches() -> None:
    batches: list[list[Any]] = []
    gate = [NotNow("later")]

    def deliver(batch: list[Any]) -> None:
        if gate:
            raise gate.pop()
        batches.append(batch)

    outbox = Outbox("test", deliver, most_backoff_s=0.05)
    for number in range(120):
        outbox.put(number)
    _wait_until_empty(outbox)
    assert [number for batch in batches for number in batch] == list(range(120))
    assert max(map(len, batches)) <= BATCH


def test_an_outbox_drops_the_oldest() -> None:
    sent: list[Any] = []
    away = [True]

    def deliver(batch: list[Any]) -> None:
        if away:
            raise NotNow("away")
        sent.extend(batch)

    outbox = Outbox("test", deliver, most_backoff_s=0.05)
    for number in range(ROOM + 100):
        outbox.put(number)
    away.clear()
    _wait_until_empty(outbox)
    assert sent[-1] == ROOM + 99
    assert sent == sorted(sent)
    assert len(sent) <= ROOM + BATCH


def test_an_outbox_that_is_refused_takes_nothing_more() -> None:
    calls: list[Any] = []

    def deliver(batch: list[Any]) -> None:
        calls.append(batch)
        raise Refused("unknown pilot")

    outbox = Outbox("test", deliver)
    outbox.put(1)
    outbox.close(5)
    outbox.put(2)
    outbox.close(0.1)
    assert calls == [[1]]


def test_a_hanging_monitor_is_not_waited_for() -> None:
    outbox = Outbox("test", lambda _: time.sleep(2))
    outbox.put(1)
    started = time.monotonic()
    outbox.close(0.2)
    assert time.monotonic() - started < 1


def test_without_a_monitor_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APF_REPORT_URL", raising=False)
    monitor = monitor_from_environment()
    assert not monitor.active
    monitor.report("started")
    monitor.beat(1, dict)
    monitor.close(0)
    assert not Monitor().active


def test_messages_are_cut(monitor: ReportServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in monitor.environment.items():
        monkeypatch.setenv(name, value)
    reporting = monitor_from_environment()
    reporting.report("fault", "x" * 5000)
    reporting.close(5)
    (report,) = monitor.reports
    assert report["message"] == "x" * 1000
    assert json.loads(monitor.calls[0][2])["reports"] == [report]


def test_a_report_always_fits_and_is_always_json(
    monitor: ReportServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in monitor.environment.items():
        monkeypatch.setenv(name, value)
    reporting = monitor_from_environment()
    reporting.report("validated", "a\0b\udcff", profile="x" * 70000, validation=["y"])
    reporting.close(5)
    (report,) = monitor.reports
    assert report["message"] == "a b?"
    assert report["data"] == {"profile": "left out: too large", "validation": ["y"]}
