"""``apf monitor serve`` as a process, killed with -9, and factories that ``apf run`` has report to it."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

APF = (sys.executable, "-c", "from autopyfactory.cli import main; main()")
CONFIG = """
[factory]
id = "{name}"
admin_email = "ops@example.org"

[wms.none]
plugin = "none"

[batch.local]
plugin = "local"

[monitor.central]
plugin = "apf"
url = "{url}/api"

[queues."ce.example.org:9619/condor"]
wms = "none"
batch = "local"
sched = [{{fixed = {{pilotspercycle = 2}}}}]
{pilot}
"""
PILOT = 'pilot = {executable = "/bin/true", arguments = []}'


@contextmanager
def monitor(folder: Path, *, kill: bool = False) -> Iterator[str]:
    """Serve a monitor meanwhile; gives its URL."""
    command = [*APF, "monitor", "serve", "--port", "0", "--store", f"sqlite:///{folder}/monitor.db"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        with process.stdout as told:
            yield told.readline().strip()
        if not kill:
            process.terminate()
            assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return json.loads(reply.read())


def told(url: str, form: str) -> int:
    request = urllib.request.Request(url, form.encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            status: int = reply.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def run_factory(folder: Path, name: str, url: str, *options: str, pilot: str = PILOT) -> None:
    home = folder / name
    home.mkdir(exist_ok=True)
    (home / "apf.toml").write_text(CONFIG.format(name=name, url=url, pilot=pilot))
    command = [*APF, "run", "--config", str(home / "apf.toml"), *(options or ("--once",))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


def test_one_monitor_watches_two_factories_and_forgets_nothing(tmp_path: Path) -> None:
    with monitor(tmp_path, kill=True) as url:
        run_factory(tmp_path, "bnl", url)
        run_factory(tmp_path, "cern", url)
        run_factory(tmp_path, "cern", url, "--dry-run")
        factories = asked(f"{url}/api/factories")
        assert [(f["name"], f["email"], f["last_ncreated"]) for f in factories] == [
            ("bnl", "ops@example.org", 2),
            ("cern", "ops@example.org", 2),
        ]
        jobs = asked(f"{url}/api/jobs?factory=bnl")
        assert {job["state"] for job in jobs} == {"created"}
        assert told(f"{url}/api/jobs/{jobs[0]['jid']}", "state=running&wrapper=w") == 200
        assert told(f"{url}/api/jobs/{jobs[0]['jid']}", "state=created") == 400
    with monitor(tmp_path) as url:
        (label,) = asked(f"{url}/api/labels?factory=bnl")
        assert (label["name"], label["ncreated"], label["nrunning"]) == ("ce.example.org:9619/condor", 1, 1)
        assert label["msg"].startswith("Fixed:in=0,")


WRAPPER = """
pilot = {arguments = "--wrapperplugin command --command true --benchmark 0"}

[queues.silent]
wms = "none"
batch = "local"
monitors = []
sched = [{fixed = {pilotspercycle = 1}}]
pilot = {executable = "/bin/true"}
"""


def test_pilots_report_to_the_monitor_of_their_queue(tmp_path: Path) -> None:
    with monitor(tmp_path) as url:
        run_factory(tmp_path, "bnl", url, pilot=WRAPPER)
        deadline = time.monotonic() + 60
        while {job["state"] for job in asked(f"{url}/api/jobs")} != {"done"}:
            assert time.monotonic() < deadline, asked(f"{url}/api/jobs")
            time.sleep(0.2)
        jobs = asked(f"{url}/api/jobs?limit=0")
        told = {(job["label"], job["result"], job["wrapper"]) for job in jobs}
        assert told == {("ce.example.org:9619/condor", 0, "3.0")}
        assert len(jobs) == 2
        assert len(asked(f"{url}/api/labels")) == 1


def test_a_factory_ends_well_where_its_monitor_is_away(tmp_path: Path) -> None:
    run_factory(tmp_path, "bnl", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--network", "everywhere"), "expected something like 192.0.2.0/24"),
        (
            ("--trusted-proxy", "nginx"),
            "--trusted-proxy: 'nginx' does not appear to be an IPv4 or IPv6 network",
        ),
        (("--tls-key", "key.pem"), "belong together"),
    ],
)
def test_options_that_cannot_be_meant(options: tuple[str, ...], said: str) -> None:
    done = subprocess.run(
        [*APF, "monitor", "serve", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
