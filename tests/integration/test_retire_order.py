"""``apf retire`` beside a running factory: real processes, of which those that run are left alone."""

import subprocess
from collections import Counter
from pathlib import Path

from factory_process import APF, FactoryHome

CONFIG = """
[factory]
id = "retiring"

[wms.none]
plugin = "none"

[batch.here]
plugin = "local"
slots = 1
interval_s = 0.5

[queues.Q]
wms = "none"
batch = "here"
interval_s = 0.5
sched = [{keep_n_running = {keep_running = 4}}]
pilot = {executable = "/bin/sleep", arguments = "60", memory_mb = 64}
"""


def apf(home: FactoryHome, *words: str) -> str:
    argv = [*APF, *words, "--config", str(home.config)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def states(home: FactoryHome) -> Counter[str]:
    return Counter(pilot.state for pilot in home.pilots().values())


def test_only_what_waits_is_removed_unless_more_is_asked_for(tmp_path: Path) -> None:
    home = FactoryHome(tmp_path)
    home.config.write_text(CONFIG)
    with home.running():
        home.wait(
            lambda: states(home) == {"running": 1, "pending": 3}, "four pilots, one of them running", 60
        )
        oldest, *_, newest = sorted(home.pilots())
        apf(home, "drain", "Q")
        assert "1 pilot of Q will be removed\n" in apf(home, "retire", "Q", "1")
        home.wait(lambda: states(home)["removed"] == 1, "the newest to go", 60)
        assert home.pilots()[newest].state == "removed"
        assert "2 pilots of Q will be removed\n" in apf(home, "retire", "Q", "9")
        home.wait(lambda: states(home) == {"running": 1, "removed": 3}, "all others that wait to go", 60)
        assert home.pilots()[oldest].state == "running"
        assert "1 pilot of Q will be removed, 1 of them running" in apf(home, "retire", "Q", "9", "--running")
        home.wait(lambda: states(home) == {"removed": 4}, "the last one to go", 60)
        home.stop()
