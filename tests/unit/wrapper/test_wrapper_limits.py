"""Payloads that must not go on are stopped, whole, and it is told why."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pilot_process import run_wrapper, start_wrapper

from autopyfactory.wrapper import processes
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.processes import Process
from autopyfactory.wrapper.supervise import size_of

WATCH = ("--watch", "0.1", "--grace", "1", "--wrapperplugin", "command")
HUNGRY = "python3 -c 'import time; keep = b\"x\" * (200 << 20); time.sleep(60)'"
PIGGISH = "sh -c 'dd if=/dev/zero of=big bs=1M count=5 2>&1; exec sleep 60'"


@pytest.mark.parametrize(
    ("command", "options", "why"),
    [
        ("sleep 60", ("--payload-timeout", "0.5"), "it ran longer than 0.5 s"),
        (HUNGRY, ("--memory-limit-mb", "100"), "MB of memory, 100 allowed"),
        (
            "sh -c 'echo once; exec sleep 60'",
            ("--silence-limit", "0.5"),
            "its log is silent for more than 0.5 s",
        ),
        (PIGGISH, ("--output-limit-mb", "3"), "its directory holds 5 MB, 3 allowed"),
    ],
    ids=["time", "memory", "silence", "output"],
)
def test_a_payload_over_its_limits(command: str, options: tuple[str, ...], why: str, tmp_path: Path) -> None:
    started = time.monotonic()
    code, output = run_wrapper(tmp_path, *WATCH, *options, "--command", command, PATH=os.environ["PATH"])
    assert code == 143, output
    (line,) = [line for line in output.splitlines() if "job command-1 failed: stopped: " in line]
    assert why in line
    assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []


def test_a_payload_that_speaks_is_left_alone(tmp_path: Path) -> None:
    command = "sh -c 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done'"
    code, output = run_wrapper(tmp_path, *WATCH, "--silence-limit", "1", "--command", command)
    assert code == 0, output


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_fled_into_another_session_is_found(tmp_path: Path) -> None:
    """Pilots start their payloads in sessions of their own; orphans come to the wrapper."""
    command = f"sh -c '(setsid sleep 60 & echo $! > {tmp_path}/child); sleep 0.3'"
    code, _ = run_wrapper(tmp_path, *WATCH, "--command", command)
    assert code == 0
    assert not _alive(int((tmp_path / "child").read_text()))


def test_signals_for_the_payload_are_passed_on(tmp_path: Path) -> None:
    trap = f'trap "echo got > {tmp_path}/got; exit 0" USR1'
    command = f"sh -c '{trap}; touch {tmp_path}/up; while :; do sleep 0.05; done'"
    process = start_wrapper(tmp_path, *WATCH, "--command", command)
    _until(lambda: (tmp_path / "up").exists())
    process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert (tmp_path / "got").read_text() == "got\n"


def test_a_payload_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    command = f"sh -c 'trap : TERM; touch {tmp_path}/up; while :; do sleep 0.05; done'"
    process = start_wrapper(tmp_path, *WATCH, "--command", command)
    _until(lambda: (tmp_path / "up").exists())
    started = time.monotonic()
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "payload does not end, killing it" in output
    assert 0.9 < time.monotonic() - started < 8


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_the_address_space_can_be_limited(tmp_path: Path) -> None:
    code, output = run_wrapper(
        tmp_path, *WATCH, "--wrappervlimit", "3000000", "--command", "sh -c 'ulimit -v'"
    )
    assert code == 0
    assert "\n3000000\n" in output


PROCESSES = [
    Process(1, 0, 1, 10),
    Process(100, 1, 100, 1 << 20),  # the pilot
    Process(200, 100, 200, 2 << 20),  # the payload
    Process(201, 200, 200, 3 << 20),
    Process(202, 201, 202, 4 << 20),  # its grandchild, in a group of its own
    Process(203, 1, 200, 5 << 20),  # its child's child, orphaned
    Process(300, 1, 300, 6 << 20),  # somebody else's
]


def test_what_belongs_to_a_payload() -> None:
    ours = processes.of_payload(PROCESSES, 100, 200)
    assert {process.pid for process in ours} == {200, 201, 202, 203}
    assert processes.memory_mb(Node("/nowhere"), ours, 100) == 14


def test_processes_are_read_from_proc(tmp_path: Path) -> None:
    folder = tmp_path / "proc/42"
    folder.mkdir(parents=True)
    fields = ["S", "7", "9", *["0"] * 18, "256", *["0"] * 20]
    (folder / "stat").write_text(f"42 (a (b) c) {' '.join(fields)}\n")
    (tmp_path / "proc/self").mkdir()
    node = Node(str(tmp_path))
    (found,) = processes.listed(node)
    assert found == Process(42, 7, 9, 256 * processes.PAGE)


def test_shared_memory_counts_once(tmp_path: Path) -> None:
    folder = tmp_path / "proc/42"
    folder.mkdir(parents=True)
    (folder / "smaps_rollup").write_text("00-ff ---p 0 0 0 [rollup]\nRss: 9999 kB\nPss:  2048 kB\n")
    both = [Process(42, 1, 42, 50 << 20), Process(43, 1, 42, 50 << 20)]
    assert processes.memory_mb(Node(str(tmp_path)), both, 200) == 100
    assert processes.memory_mb(Node(str(tmp_path)), both, 60) == 52


def test_the_size_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/c").write_bytes(b"x" * 500)
    (tmp_path / "b/away").symlink_to("/bin/sh")
    assert 1500 <= size_of(str(tmp_path)) < 1600
