"""A factory killed with -9 while it submits: each of its pilots runs exactly once, or never existed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from autopyfactory.api import Context, SystemClock
from autopyfactory.batch.local import LocalBatch, LocalSettings
from autopyfactory.model import FactoryId, PilotId

ROUNDS = 50
PATIENCE_S = 60

DOOMED_FACTORY = '''
"""For each line of stdin: forks a factory that submits until it is killed, and prints its process id."""
import asyncio, os, random, sys
from pathlib import Path

from autopyfactory.api import Context, SystemClock
from autopyfactory.batch.local import LocalBatch, LocalSettings
from autopyfactory.model import FactoryId, PilotIds, PilotSpec, QueueName

directory = Path(sys.argv[1])

def note(what, pilots):
    with (directory / what).open("a") as file:
        file.write("".join(f"{pilot}\\n" for pilot in pilots))

async def submit_for_ever():
    clock = SystemClock()
    context = Context(FactoryId("ours"), "local", directory / "state", clock)
    batch = LocalBatch(LocalSettings(slots=8), context)
    script = f"echo $APF_PILOT >>{directory}/ran"
    spec = PilotSpec(
        QueueName("q"), Path("/bin/sh"), ("-c", script), memory_mb=64, log_dir=directory / "logs"
    )
    ids = PilotIds(random.SystemRandom().getrandbits)
    while True:
        pilots = ids.make(clock.now(), 2)
        note("planned", pilots)
        await batch.submit(spec, pilots)
        note("confirmed", pilots)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run(submit_for_ever())
    print(child, flush=True)
    os.waitpid(child, 0)
'''


async def test_a_factory_killed_while_it_submits_neither_loses_nor_doubles(tmp_path: Path) -> None:
    await asyncio.to_thread(_kill_factories, tmp_path)
    context = Context(FactoryId("ours"), "local", tmp_path / "state", SystemClock())
    batch = LocalBatch(LocalSettings(slots=8), context)
    planned, confirmed = _noted(tmp_path / "planned"), _noted(tmp_path / "confirmed")
    assert len(planned) == len(set(planned))
    assert len(planned) > ROUNDS

    found = set(await batch.status()) | set(await batch.ended(planned))
    assert set(confirmed) <= found <= set(planned)

    async with asyncio.timeout(PATIENCE_S):
        while await batch.status():
            await asyncio.sleep(0.1)
    endings = await batch.ended(planned)
    assert set(endings) == found, "nothing appeared and nothing disappeared"
    assert {ending.exit_code for ending in endings.values()} == {0}
    assert sorted(_noted(tmp_path / "ran")) == sorted(found), "each of them ran exactly once"


def _kill_factories(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DOOMED_FACTORY, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as doomed:
        assert doomed.stdin is not None
        assert doomed.stdout is not None
        for _ in range(ROUNDS):
            doomed.stdin.write("\n")
            doomed.stdin.flush()
            pid = int(doomed.stdout.readline())
            time.sleep(random.uniform(0, 0.06))
            os.kill(pid, signal.SIGKILL)
        doomed.stdin.close()
        doomed.wait(timeout=PATIENCE_S)


def _noted(file: Path) -> list[PilotId]:
    return [PilotId(line) for line in file.read_text().splitlines()]
