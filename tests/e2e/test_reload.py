"""A real factory goes over to other configurations while it submits: nothing is doubled, lost or leaked."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factory_process import APF, FactoryHome
from pilot_audit import audit, settle

RELOADS = int(os.environ.get("APF_RELOADS", "30"))

FACTORY = """
[factory]
id = "changing"
settle_s = 3
{factory}

[wms.none]
plugin = "none"

[batch.here]
plugin = "local"
slots = {slots}
interval_s = 0.5

[profiles.all]
wms = "none"
batch = "here"
interval_s = 0.2
enabled = {enabled}
sched = [{{fixed = {{pilotspercycle = 1}}}}, {{max_pending = {{maximum = 6}}}}]
pilot = {{executable = "/bin/sh", arguments = ["-c", "echo $APF_PILOT >>{ran}"], memory_mb = {memory_mb}}}

[queues.steady]
extends = "all"
"""
GUEST = """
[queues.guest]
extends = "all"
"""


class Changing(FactoryHome):
    """A home whose configuration is written again and again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ran = folder / "ran"
        self.ran.touch()

    def configure(
        self,
        *,
        factory: str = "",
        guest: bool = False,
        slots: int = 4,
        memory_mb: int = 64,
        enabled: bool = True,
    ) -> None:
        text = FACTORY.format(
            factory=factory,
            slots=slots,
            memory_mb=memory_mb,
            enabled=str(enabled).lower(),
            ran=self.ran,
        )
        self.write(text + (GUEST if guest else ""))

    def write(self, text: str) -> None:
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def apf(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [*APF, *arguments, "--config", str(self.config)]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    def there(self) -> Counter[str]:
        return Counter(self.ran.read_text().split())

    def told(self) -> dict[str, Any]:
        """Return what the factory says of its last reload."""
        file = self.folder / "apf.db.reload.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def size(self) -> tuple[int, int]:
        """Return the resident memory of the factory, in kB, and its open files."""
        process = Path(f"/proc/{self.pid}")
        (line,) = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]), len(list((process / "fd").iterdir()))

    def hang_up(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def reload_and_wait(self) -> None:
        before = self.told().get("started_at")
        self.hang_up()
        self.wait(lambda: self.told().get("started_at") != before, "a reload", 20)


@pytest.fixture
def home(tmp_path: Path) -> Changing:
    return Changing(tmp_path)


def all_ended(home: FactoryHome) -> Callable[[], bool]:
    return lambda: not home.rows("SELECT 1 FROM pilots WHERE ended_at IS NULL LIMIT 1")


def test_reloads_in_quick_succession_under_load(home: Changing) -> None:
    home.configure()
    with home.running():
        for n in range(5):  # what is loaded late counts as no leak
            home.configure(guest=n % 2 == 0, slots=3 + n % 3)
            home.reload_and_wait()
        memory_kb, files = home.size()
        for n in range(RELOADS):
            home.configure(guest=n % 2 == 0, slots=3 + n % 3, memory_mb=64 + n % 2)
            home.hang_up()
            time.sleep(0.1)  # real time: some come amid a reload, some after it
        home.configure()
        home.reload_and_wait()
        assert home.told()["ok"], home.told()
        grown_kb, grown_files = home.size()[0] - memory_kb, home.size()[1] - files
        done = home.said().count("reloaded: ")
        print(f"{RELOADS} SIGHUPs, {done} reloads in all: {grown_kb} kB and {grown_files} files more")
        assert grown_kb < 20_000
        assert grown_files <= 6
        home.configure(enabled=False)
        home.reload_and_wait()
        home.wait(all_ended(home), "the end of all pilots", 30)
        home.stop()
    assert "Traceback" not in home.said()
    assert {pilot.queue for pilot in home.pilots().values()} == {"steady", "guest"}
    settle(home)
    assert audit(home, home.there()) > 10


def test_a_bad_file_changes_nothing_and_is_reported(home: Changing) -> None:
    home.configure()
    with home.running():
        home.wait(lambda: len(home.there()) > 1, "the first pilots", 20)
        home.write("[factory]\nid = \n")
        home.reload_and_wait()
        assert not home.told()["ok"]
        assert "not TOML" in home.told()["problems"][0]
        assert "not reloaded, the factory goes on as before" in home.said()
        refused = home.apf("reload")
        assert refused.returncode == 1
        assert "not TOML" in refused.stderr
        home.configure(factory='state_dir = "elsewhere"')
        refused = home.apf("reload", "--json")
        assert refused.returncode == 1, refused.stderr
        assert "factory.state_dir cannot change while the factory runs" in refused.stdout
        before = len(home.there())
        home.wait(lambda: len(home.there()) > before, "further pilots", 20)
        home.configure()
        assert "cannot change" in home.status()["factory"]["reload"]["problems"][0]
        home.configure(guest=True)
        shown = home.apf("config", "diff")
        assert (shown.returncode, shown.stdout) == (0, "+ queues.guest\n"), shown.stderr
        done = home.apf("reload")
        assert (done.returncode, done.stdout) == (0, "+ queues.guest\nreloaded: 1 change\n"), done.stderr
        assert home.apf("config", "diff").stdout == "nothing differs\n"
        home.stop()


def test_a_file_that_changes_is_taken_over_where_files_are_watched(home: Changing) -> None:
    home.configure(factory='reload = "watch"')
    with home.running():
        home.configure(factory='reload = "watch"', guest=True)
        home.wait(lambda: home.told().get("cause") == "changed files", "a reload", 20)
        assert home.told()["changes"] == ["+ queues.guest"]
        home.stop()
