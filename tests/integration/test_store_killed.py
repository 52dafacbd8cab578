"""A process killed with -9 while it writes to the store: each write is there as a whole, or not at all."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autopyfactory.model import FactoryId, PilotState, QueueName
from autopyfactory.store import SqlStore, open_store

ROUNDS = 25
OURS = FactoryId("ours")

WRITER = '''
"""For each line of stdin: forks a writer that works until it is killed, and prints its process id."""
import asyncio, os, random, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.model import FactoryId, PilotIds, PilotState, QueueName, Transition
from autopyfactory.store import open_store
from autopyfactory.testkit.store import a_cycle

folder, what = Path(sys.argv[1]), sys.argv[2]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
OURS = FactoryId("ours")

def confirm(name):
    with (folder / "confirmed").open("a") as file:
        file.write(name + "\\n")

async def plan_for_ever():
    store = await open_store(f"sqlite:///{folder}/factory.db", OURS, inline=True)
    ids = PilotIds(random.SystemRandom().getrandbits)
    while True:
        queue = QueueName(f"q{random.SystemRandom().getrandbits(60)}")
        pilots = ids.make(NOW, 40)
        await store.plan(a_cycle(queue, NOW, planned=40), pilots, "schedd")
        confirm(queue)
        await store.record([Transition(pilot, NOW, PilotState.PENDING, "together") for pilot in pilots])
        confirm("pending " + queue)

async def make_for_ever():
    while True:
        name = f"{random.SystemRandom().getrandbits(60)}.db"
        confirm("began " + name)
        store = await open_store(f"sqlite:///{folder}/{name}", OURS, inline=True)
        confirm("made " + name)
        await store.close()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run({"plan": plan_for_ever, "make": make_for_ever}[what]())
    print(child, flush=True)
    os.waitpid(child, 0)
'''


@contextmanager
def writers(folder: Path, what: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def kill_one(writer: subprocess.Popen[str]) -> None:
    """Let one writer work for a while, and kill it."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("\n")
    writer.stdin.flush()
    child = int(writer.stdout.readline())
    time.sleep(random.uniform(0.02, 0.12))  # for real: any moment of a real process is meant
    os.kill(child, signal.SIGKILL)


def confirmed(folder: Path) -> set[str]:
    """Return what writers saw done; a line cut short was not."""
    path = folder / "confirmed"
    return set(path.read_text().split("\n")[:-1]) if path.exists() else set()


async def test_killed_while_it_writes(tmp_path: Path) -> None:
    with writers(tmp_path, "plan") as writer:
        for _ in range(ROUNDS):
            await asyncio.to_thread(kill_one, writer)
    url = f"sqlite:///{tmp_path}/factory.db"
    reader = await open_store(url, None, create=False)
    await check_all(reader, confirmed(tmp_path))
    await reader.close()
    store = await open_store(url, OURS, create=False)
    await check_all(store, confirmed(tmp_path))
    await store.close()
    connection = sqlite3.connect(tmp_path / "factory.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


async def check_all(store: SqlStore, done: set[str]) -> None:
    by_queue: dict[QueueName, list[PilotState]] = {}
    for pilot in await store.live():
        by_queue.setdefault(pilot.queue, []).append(pilot.state)
    assert len(by_queue) > ROUNDS
    assert set(by_queue) == set(await store.latest())
    for queue, states in by_queue.items():
        assert len(states) == 40, "planned as a whole"
        assert len(set(states)) == 1, "changed as a whole"
        if f"pending {queue}" in done:
            assert states[0] is PilotState.PENDING
    assert {name for name in done if name.startswith("q")} <= set(by_queue), "what was confirmed is there"
    for pilot in (await store.live())[-40:]:
        lives = 2 if pilot.state is PilotState.PENDING else 1
        assert len(await store.transitions(pilot.id)) == lives


async def test_killed_while_it_is_made(tmp_path: Path) -> None:
    with writers(tmp_path, "make") as writer:
        for _ in range(ROUNDS):
            await asyncio.to_thread(kill_one, writer)
    lines = [line.split() for line in confirmed(tmp_path)]
    began = {name for what, name in lines if what == "began"}
    made = {name for what, name in lines if what == "made"}
    assert made
    for name in began:
        assert name not in made or (tmp_path / name).exists()
        store = await open_store(f"sqlite:///{tmp_path}/{name}", OURS, inline=True)
        assert await store.live() == []
        await store.close()
