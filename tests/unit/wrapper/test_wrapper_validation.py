"""Each validation step on a node that is good, and on one that is not."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.validation import steps
from autopyfactory.wrapper.validation.certificate import end_of_chain
from autopyfactory.wrapper.validation.finding import About, Finding, passed
from autopyfactory.wrapper.validation.steps import STEPS, Checked, read_step, validate

CREDENTIALS = ("X509_USER_PROXY", "PANDA_AUTH_TOKEN", "BEARER_TOKEN_FILE", "BEARER_TOKEN")


class FakeNode(Node):
    """A node below a directory."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.root = root
        self.cpus = 4
        self.attributes: dict[str, str] = {}

    def put(self, name: str, text: str = "") -> None:
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def usable_cpus(self) -> int:
        return self.cpus

    def attribute(self, name: str, attribute: str) -> str:
        assert attribute == "user.revision"
        return self.attributes.get(name, "")


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path / "root")


def check(
    step: str,
    node: Node,
    tmp_path: Path,
    *,
    timeout_s: float = 10,
    server_url: str = "",
    cores: int | None = None,
    memory_mb: int | None = None,
    disk_mb: int | None = None,
) -> Checked:
    about = About(node, str(tmp_path), timeout_s, server_url, cores, memory_mb, disk_mb)
    (checked,) = validate([read_step(step, required=True)], about, Ending())
    return checked


@pytest.mark.parametrize(
    ("step", "ok"),
    [
        ("disk", True),
        ("disk=1", True),
        ("disk=999999999999", False),
        ("disk=lots", False),
        ("disk=-1", False),
    ],
)
def test_disk(step: str, ok: bool, node: FakeNode, tmp_path: Path) -> None:
    assert check(step, node, tmp_path).ok is ok


def test_disk_as_asked_for(node: FakeNode, tmp_path: Path) -> None:
    assert not check("disk", node, tmp_path, disk_mb=10**9).ok


@pytest.mark.parametrize(
    ("step", "asked_mb", "ok"), [("memory", 2000, True), ("memory", 2001, False), ("memory=1999", 3000, True)]
)
def test_memory(step: str, asked_mb: int, ok: bool, node: FakeNode, tmp_path: Path) -> None:
    node.put("/proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable:    2048000 kB\n")
    checked = check(step, node, tmp_path, memory_mb=asked_mb)
    assert checked.ok is ok
    assert "2000 MB available" in checked.message


def test_memory_that_is_not_told_is_not_enough(node: FakeNode, tmp_path: Path) -> None:
    assert not check("memory", node, tmp_path).ok


@pytest.mark.parametrize(
    ("step", "cores", "ok"), [("cpus", 4, True), ("cpus", 5, False), ("cpus=2", 8, True)]
)
def test_cpus(step: str, cores: int, ok: bool, node: FakeNode, tmp_path: Path) -> None:
    assert check(step, node, tmp_path, cores=cores).ok is ok


def _cgroup_2(node: FakeNode) -> None:
    node.put("/proc/self/cgroup", "0::/batch/job\n")
    node.put("/sys/fs/cgroup/batch/job/memory.max", "max\n")
    node.put("/sys/fs/cgroup/batch/memory.max", f"{2000 << 20}\n")
    node.put("/sys/fs/cgroup/batch/job/cpu.max", "400000 100000\n")
    node.put("/sys/fs/cgroup/batch/job/pids.max", "100\n")
    node.put("/sys/fs/cgroup/batch/job/pids.current", "40\n")


def _cgroup_1(node: FakeNode) -> None:
    node.put("/proc/self/cgroup", "4:memory:/job\n3:cpu,cpuacct:/job\n2:pids:/job\n1:name=systemd:/\n")
    node.put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", f"{2000 << 20}\n")
    node.put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    node.put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "400000\n")
    node.put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n")
    node.put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    node.put("/sys/fs/cgroup/pids/job/pids.max", "100\n")
    node.put("/sys/fs/cgroup/pids/job/pids.current", "40\n")


@pytest.mark.parametrize("version", [_cgroup_1, _cgroup_2])
@pytest.mark.parametrize(
    ("memory_mb", "cores", "ok"), [(2000, 4, True), (None, None, True), (2001, 4, False), (2000, 5, False)]
)
def test_cgroup(
    version: object, memory_mb: int | None, cores: int | None, ok: bool, node: FakeNode, tmp_path: Path
) -> None:
    assert callable(version)
    version(node)
    assert node.cgroup_room() == (2000, 4.0, 60)
    assert check("cgroup", node, tmp_path, memory_mb=memory_mb, cores=cores).ok is ok


def test_cgroup_without_limits_and_with_few_processes(node: FakeNode, tmp_path: Path) -> None:
    assert check("cgroup", node, tmp_path, memory_mb=10**6, cores=64).ok
    assert not check("cgroup=1", node, tmp_path).ok
    _cgroup_2(node)
    node.put("/sys/fs/cgroup/batch/job/pids.current", "99\n")
    assert "only 1 more processes" in check("cgroup", node, tmp_path).message


def test_write(node: FakeNode, tmp_path: Path) -> None:
    assert check("write", node, tmp_path).ok
    assert list(tmp_path.iterdir()) == []
    checked = check(f"write={tmp_path},/proc/absent", node, tmp_path)
    assert not checked.ok
    assert "/proc/absent: No such file or directory" in checked.message


def test_dns(node: FakeNode, tmp_path: Path) -> None:
    assert check("dns=localhost,127.0.0.1", node, tmp_path).ok
    assert not check("dns=localhost,not..a..name", node, tmp_path).ok
    assert not check("dns", node, tmp_path).ok


class Server:
    """Answers with a status and a date of its own."""

    def __init__(self) -> None:
        self.status = 200
        self.skew_s = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(server.status)
                self.send_header("Date", self.date_time_string(time.time() + server.skew_s))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.mark.parametrize(("status", "ok"), [(200, True), (404, True), (403, True), (503, False)])
def test_http(status: int, ok: bool, server: Server, node: FakeNode, tmp_path: Path) -> None:
    server.status = status
    assert check(f"http={server.url}", node, tmp_path).ok is ok


def test_http_of_nobody(server: Server, node: FakeNode, tmp_path: Path) -> None:
    assert not check(f"http={server.url},http://127.0.0.1:1/", node, tmp_path).ok
    assert "wrong argument" in check("http=file:///etc/passwd", node, tmp_path).message


@pytest.mark.parametrize(
    ("argument", "skew_s", "status", "ok"),
    [
        ("", 0, 200, True),
        ("", 0, 405, True),
        ("", 90, 200, False),
        ("=120", -90, 200, True),
        ("=5", -90, 200, False),
    ],
)
def test_clock(
    argument: str, skew_s: float, status: int, ok: bool, server: Server, node: FakeNode, tmp_path: Path
) -> None:
    server.skew_s, server.status = skew_s, status
    assert check("clock" + argument, node, tmp_path, server_url=server.url).ok is ok


def test_clock_of_nobody(server: Server, node: FakeNode, tmp_path: Path) -> None:
    assert not check("clock", node, tmp_path).ok
    assert check(f"clock=60,{server.url}", node, tmp_path).ok
    assert "no time from" in check("clock", node, tmp_path, server_url="http://127.0.0.1:1/").message


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("cvmfs=atlas.cern.ch", ""),
        ("cvmfs=atlas.cern.ch:4000,sft.cern.ch", ""),
        ("cvmfs=atlas.cern.ch:4001", "/cvmfs/atlas.cern.ch is at revision 4000, 4001 wanted"),
        ("cvmfs=sft.cern.ch:1", "does not tell its revision"),
        ("cvmfs=cms.cern.ch", "/cvmfs/cms.cern.ch is not mounted, or empty"),
        ("cvmfs", "wrong argument"),
        ("cvmfs=atlas.cern.ch:new", "wrong argument"),
    ],
)
def test_cvmfs(step: str, why: str, node: FakeNode, tmp_path: Path) -> None:
    node.put("/cvmfs/atlas.cern.ch/repo")
    node.put("/cvmfs/sft.cern.ch/lcg")
    node.attributes["/cvmfs/atlas.cern.ch"] = "4000"
    checked = check(step, node, tmp_path)
    assert checked.ok is (not why)
    assert why in checked.message


def _program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_container(node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    _program(tmp_path, "singularity", "exit 1")
    assert not check("container=singularity,no-such-runtime", node, tmp_path).ok
    _program(tmp_path, "apptainer", "echo apptainer version 1.3")
    checked = check("container=singularity,apptainer", node, tmp_path)
    assert (checked.ok, checked.message) == (True, "apptainer: apptainer version 1.3")


def test_gpu(node: FakeNode, tmp_path: Path) -> None:
    assert not check("gpu", node, tmp_path).ok
    assert check("gpu=0", node, tmp_path).ok
    node.put("/dev/nvidia0")
    node.put("/dev/nvidiactl")
    assert check("gpu=1", node, tmp_path).ok
    node.put("/proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA A100\nIRQ: 1\n")
    node.put("/sys/class/drm/renderD128/device/vendor", "0x1002\n")
    node.put("/sys/class/drm/renderD129/device/vendor", "0x10de\n")
    checked = check("gpu=2", node, tmp_path)
    assert checked.ok
    assert "NVIDIA NVIDIA A100, AMD unknown" in checked.message
    assert not check("gpu=3", node, tmp_path).ok


def test_commands(node: FakeNode, tmp_path: Path) -> None:
    assert check("commands=sh,ls", node, tmp_path).ok
    assert check("commands=sh,no-such-one", node, tmp_path).message == "not found: no-such-one"
    assert not check("commands", node, tmp_path).ok


def _token(end: float | None) -> str:
    claims = json.dumps({} if end is None else {"exp": end}).encode()
    return ".".join(["e30", base64.urlsafe_b64encode(claims).rstrip(b"=").decode(), "c2ln"])


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize(
    ("left_s", "step", "ok"),
    [(7200, "credential", True), (1800, "credential", False), (1800, "credential=60", True),
     (-5, "credential=0", False), (None, "credential", True)],
)  # fmt: skip
@pytest.mark.parametrize("name", CREDENTIALS[1:])
def test_tokens(
    name: str, left_s: float | None, step: str, ok: bool,
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    token = _token(None if left_s is None else time.time() + left_s)
    file = tmp_path / "token"
    file.write_text(token + "\n")
    monkeypatch.setenv(name, token if name == "BEARER_TOKEN" else str(file))
    assert check(step, node, tmp_path).ok is ok


@pytest.mark.usefixtures("no_credentials")
def test_no_credential_and_broken_ones(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "none is named" in check("credential", node, tmp_path).message
    monkeypatch.setenv("BEARER_TOKEN", "opaque")
    assert check("credential", node, tmp_path).ok
    monkeypatch.setenv("PANDA_AUTH_TOKEN", "/no/such/file")
    assert not check("credential", node, tmp_path).ok


def _certificate(path: Path, days: int) -> float:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pilot", "-days", str(days),
         "-keyout", str(path.with_suffix(".key")), "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    said = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", str(path)],
                          check=True, capture_output=True, text=True).stdout  # fmt: skip
    text = said.strip().removeprefix("notAfter=")
    return datetime.strptime(text + "+0000", "%b %d %H:%M:%S %Y GMT%z").timestamp()


@pytest.mark.usefixtures("no_credentials")
def test_proxies(node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soon, late = tmp_path / "soon.pem", tmp_path / "late.pem"
    ends = [_certificate(soon, 1), _certificate(late, 365 * 40)]  # after 2050 the time has another form
    assert [end_of_chain(path.read_bytes()) for path in (soon, late)] == ends
    assert end_of_chain(late.read_bytes() + soon.read_bytes()) == ends[0], "the first to end counts"
    monkeypatch.setenv("X509_USER_PROXY", str(soon))
    assert check("credential=3600", node, tmp_path).ok
    assert not check(f"credential={timedelta(days=2).total_seconds()}", node, tmp_path).ok
    soon.write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    assert not check("credential", node, tmp_path).ok
    soon.write_text("nothing")
    assert "no certificate" in check("credential", node, tmp_path).message


@pytest.mark.parametrize(
    ("text", "ok", "message"),
    [
        ("echo fine", True, "fine"),
        ("exit 0", True, "no word"),
        ("echo 'disk 3 is slow' >&2; exit 4", False, "exit code 4: disk 3 is slow"),
        ("""echo '{"message": "slow", "mb_s": 3}'""", True, "slow"),
        ("""echo '{"ok": false, "message": "slow"}'""", False, "exit code 0: slow"),
        ("""echo '{"mb_s": NaN}'""", True, '{"mb_s": NaN}'),
        ("sleep 60", False, "did not end within 1 s"),
        ("sleep 60 & exit 0", True, "no word"),
    ],
)
def test_scripts_of_the_site(text: str, ok: bool, message: str, node: FakeNode, tmp_path: Path) -> None:
    _program(tmp_path, "site-check", text)
    checked = check("script=site-check", node, tmp_path, timeout_s=1)
    assert checked.ok is ok
    assert message in checked.message
    assert checked.seconds < 3


def test_what_a_script_says_is_reported_whole(node: FakeNode, tmp_path: Path) -> None:
    _program(tmp_path, "site-check", """echo '{"message": "slow", "mb_s": 3}'""")
    assert check("script=site-check", node, tmp_path).described()["data"] == {"message": "slow", "mb_s": 3}
    assert not check("script=absent", node, tmp_path).ok
    assert not check("script", node, tmp_path).ok


def test_a_step_that_hangs_has_failed(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(argument: str, about: About) -> Finding:
        time.sleep(1)
        return passed("late")

    monkeypatch.setitem(steps.STEPS, "disk", hang)
    checked = check("disk", node, tmp_path, timeout_s=0.2)
    assert (checked.ok, checked.message) == (False, "no result within 0.2 s")


def test_a_signal_ends_validation(node: FakeNode, tmp_path: Path) -> None:
    ending = Ending()
    ending.signal = 15
    about = About(node, str(tmp_path), 5)
    assert validate([read_step("disk", required=True)], about, ending) == []


def test_unknown_steps_are_refused() -> None:
    with pytest.raises(UsageError, match="known: cgroup, "):
        read_step("diks", required=True)
    assert len(STEPS) == 14
