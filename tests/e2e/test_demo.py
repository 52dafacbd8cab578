"""``apf demo`` as a user starts it: real processes, real payloads."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_demo_finishes_all_jobs_and_ends_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from autopyfactory.cli import main; main()"]
    folder = tmp_path / "demo"
    options = ["--jobs", "12", "--slots", "4", "--points", "200000", "--dir", str(folder), "--json"]
    ran = subprocess.run(
        [*command, "demo", *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "dashboard: http://127.0.0.1:" in ran.stderr
    document = json.loads(ran.stdout)
    assert document["jobs"] == {"submitted": 12, "finished": 12, "failed": 0}
    pilots = document["pilots"]
    assert (pilots["failed"], pilots["lost"]) == (0, 0)
    assert 1 <= pilots["peak_running"] <= 4
    assert pilots["empty"] < pilots["submitted"]
    assert document["estimate"]["right"]
    assert Path(document["chart"]).read_bytes().startswith(b"\x89PNG")
    looked = subprocess.run(
        [*command, "explain", "demo", "--config", document["config"], "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(looked.stdout)["steps"][0]["rule"] == "ready"
