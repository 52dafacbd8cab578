"""A real Prometheus scrapes a real factory, and Prometheus's own tool checks what we hand out for it."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from factory_process import APF, FactoryHome
from monitoring_files import PROMETHEUS, alerts, dashboard_queries

PROGRAMS = os.environ.get("APF_TEST_PROMETHEUS", "")
pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.skipif(
        not PROGRAMS,
        reason='APF_TEST_PROMETHEUS is not set: testbed/prometheus up; eval "$(testbed/prometheus env)"',
    ),
]

JOBS = 3
FACTORY = """
[factory]
id = "watched"

[web]
enabled = true
port = {web}

[wms.board]
plugin = "board"
url = "{board}"
interval_s = 0.5

[batch.local]
plugin = "local"
interval_s = 0.5

[queues.busy]
wms = "board"
batch = "local"
interval_s = 1
sched = ["ready", {{max_pending = {{maximum = 2}}}}]
pilot = {{executable = "/bin/true", arguments = []}}
"""


def tool(*arguments: str | Path, text: bytes | None = None) -> str:
    """Run promtool, and return what it says."""
    told = subprocess.run(
        [f"{PROGRAMS}/promtool", *arguments], input=text, capture_output=True, timeout=60, check=False
    )
    said = (told.stdout + told.stderr).decode()
    assert told.returncode == 0, said
    return said


@contextmanager
def process(argv: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program meanwhile."""
    with log.open("wb") as stream, subprocess.Popen(argv, stdout=stream, stderr=subprocess.STDOUT) as running:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as reply:
        body: bytes = reply.read()
        return body


def until(true: Callable[[], bool], what: str, within_s: float = 60) -> None:
    """Wait until something is so; a server that does not answer yet is waited for as well."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"waited {within_s:g} s for {what}")


class Server:
    """A Prometheus of our own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def asked(self, path: str, **parameters: str) -> Any:
        """Ask its HTTP API."""
        query = urllib.parse.urlencode(parameters)
        document = json.loads(fetched(f"{self.url}/api/v1/{path}?{query}"))
        assert document["status"] == "success", document
        return document["data"]

    def value(self, query: str) -> float | None:
        """Return the one number that a query gives; None where it gives none."""
        found = self.asked("query", query=query)["result"]
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prometheus")


@pytest.fixture(scope="module")
def web_url(place: Path) -> Iterator[str]:
    """Run a board with a few jobs, and a factory that serves its web; gives the web's URL."""
    board, web = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    serving = [
        *APF,
        "board",
        "serve",
        "--port",
        board.rpartition(":")[2],
        "--database",
        str(place / "board.db"),
    ]
    with process(serving, place / "board.log"):
        until(lambda: bool(fetched(f"{board}/openapi.json")), "the board")
        job = [
            *APF,
            "board",
            "submit",
            "--url",
            board,
            "--queue",
            "busy",
            "--count",
            str(JOBS),
            "--",
            "/bin/true",
        ]
        subprocess.run(job, check=True, timeout=60, capture_output=True)
        home = FactoryHome(place)
        home.config.write_text(FACTORY.format(web=web.rpartition(":")[2], board=board))
        with home.running():
            until(lambda: bool(fetched(f"{web}/healthz")), "the web")
            yield web
            home.stop()


@pytest.fixture(scope="module")
def server(place: Path, web_url: str) -> Iterator[Server]:
    """Run a Prometheus by our own configuration, which looks more often and at another port."""
    text = (PROMETHEUS / "prometheus.yml").read_text()
    text = text.replace("127.0.0.1:25880", web_url.removeprefix("http://")).replace("30s", "1s")
    (place / "prometheus.yml").write_text(text)
    (place / "alerts.yml").write_bytes((PROMETHEUS / "alerts.yml").read_bytes())
    address = f"127.0.0.1:{free_port()}"
    argv = [
        f"{PROGRAMS}/prometheus",
        f"--config.file={place}/prometheus.yml",
        f"--storage.tsdb.path={place}/data",
        f"--web.listen-address={address}",
    ]
    with process(argv, place / "prometheus.log"):
        found = Server(f"http://{address}")
        until(lambda: found.value("apf_store_up") == 1, "a first scrape")
        yield found


def test_configuration_and_rules_are_good() -> None:
    assert "SUCCESS" in tool("check", "config", PROMETHEUS / "prometheus.yml")
    assert f"{len(alerts())} rules found" in tool("check", "rules", PROMETHEUS / "alerts.yml")


def test_each_alert_fires_on_what_it_is_for_and_on_nothing_else() -> None:
    assert "SUCCESS" in tool("test", "rules", PROMETHEUS / "alerts_test.yml")


def test_the_text_is_as_prometheus_wants_it(web_url: str) -> None:
    assert tool("check", "metrics", text=fetched(f"{web_url}/metrics")) == ""


def test_a_scraped_factory_is_told_of_as_it_is(server: Server) -> None:
    until(lambda: (server.value("apf_queue_jobs{queue='busy',state='ready'}") or 0) == JOBS, "the jobs")
    until(lambda: (server.value("apf_queue_planned_total{queue='busy'}") or 0) >= 2, "pilots")
    until(lambda: (server.value("apf_queue_ended_last_hour{ending='done'}") or 0) >= 2, "pilots that ended")
    assert server.value("count(apf_endpoint_up == 1)") == 2
    assert server.value("apf_queue_pilots_known{queue='busy'}") == 1
    assert (server.value("apf_last_cycle_age_seconds") or 0) < 60
    assert (server.value("apf_cycle_seconds_count") or 0) > 0
    assert (server.value("sum(apf_store_seconds_count{user='factory',kind='write'})") or 0) > 0
    assert server.value("count(up == 1)") == 1


def test_every_query_of_the_dashboard_is_answered(server: Server) -> None:
    for query in dashboard_queries():
        server.asked("query", query=query)


def test_its_alerts_are_loaded_and_a_healthy_factory_raises_none(server: Server) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in server.asked("rules")["groups"] for rule in group["rules"]]

    until(lambda: all(rule["health"] == "ok" for rule in rules()), "every rule to be tried")
    assert {rule["name"] for rule in rules()} == {rule["alert"] for rule in alerts()}
    assert [rule["name"] for rule in rules() if rule["state"] == "firing"] == []
