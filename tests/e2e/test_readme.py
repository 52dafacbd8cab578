"""The commands of README.md work as they are written."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def _tour() -> str:
    chapter = README.read_text(encoding="utf-8").partition("## Five minutes")[2]
    block = re.search(r"```sh\n(.*?)```", chapter, re.DOTALL)
    assert block, "README.md has no tour"
    return block[1]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_tour(tmp_path: Path, port: int) -> None:
    # on a port of its own, so that it disturbs no board of the developer's; all else as it is written
    tour = _tour().replace("apf board serve", f"apf board serve --port {port}")
    tour = tour.replace("apf init\n", f"apf init\nsed -i s/25080/{port}/ apf.toml\n")
    # job control, as an interactive shell has it: %1 and %2 are known; it sleeps for real, as a reader waits
    script = f"set -e -m\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{tour}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "APF_BOARD_URL": f"http://127.0.0.1:{port}", "COLUMNS": "120"}
    environ.pop("APF_CONFIG", None)
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    logs = "".join(file.read_text() for file in sorted(tmp_path.glob("*.log")))
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}\n{logs}"
    assert "decided: submit" in ran.stdout
    assert re.search(r"job \d+ ran on", ran.stdout)
    assert "main: submit" in ran.stdout
    assert "stopped" in logs


def test_its_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (README.parent / link).exists(), f"README.md: {link} does not exist"
