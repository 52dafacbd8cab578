"""Local pilots for real: limits, signals, environment, and what is left when somebody is killed."""

import asyncio
import errno
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from autopyfactory.api import BatchUnavailable, Context, SubmitRejected, SubmitUnknown, SystemClock
from autopyfactory.batch.local import LocalBatch, LocalSettings
from autopyfactory.batch.local_files import LocalFiles
from autopyfactory.batch.local_process import ProcessId
from autopyfactory.model import (
    BatchStatus,
    EndCause,
    Ending,
    FactoryId,
    PilotId,
    PilotIds,
    PilotSpec,
    PilotState,
    QueueName,
)

T = TypeVar("T")

PATIENCE_S = 20


class Bench:
    """A local batch system in a directory of its own."""

    def __init__(self, directory: Path, settings: LocalSettings) -> None:
        self.directory = directory
        self.files = LocalFiles(directory / "state" / "local")
        self._ids = PilotIds(random.getrandbits)
        self.batch = self.make(settings)

    def make(self, settings: LocalSettings) -> LocalBatch:
        context = Context(FactoryId("ours"), "local", self.directory / "state", SystemClock())
        return LocalBatch(settings, context)

    def pilots(self, n: int) -> list[PilotId]:
        return self._ids.make(SystemClock().now(), n)

    def script(self, text: str) -> PilotSpec:
        return self.command("/bin/sh", "-c", text)

    def command(self, executable: str | Path, *arguments: str) -> PilotSpec:
        return PilotSpec(
            QueueName("q"), Path(executable), arguments, memory_mb=64, log_dir=self.directory / "logs"
        )

    async def submit(self, spec: PilotSpec, n: int = 1) -> list[PilotId]:
        pilots = self.pilots(n)
        await self.batch.submit(spec, pilots)
        return pilots

    async def ending(self, pilot: PilotId) -> Ending:
        return (await self.until(lambda: self.batch.ended([pilot]), bool))[pilot]

    async def running(self, pilot: PilotId) -> None:
        def runs(listing: Mapping[PilotId, BatchStatus]) -> bool:
            return pilot in listing and listing[pilot].state is PilotState.RUNNING

        await self.until(self.batch.status, runs)

    async def run(self, spec: PilotSpec) -> Ending:
        (pilot,) = await self.submit(spec)
        return await self.ending(pilot)

    async def until(self, ask: Callable[[], Awaitable[T]], done: Callable[[T], bool]) -> T:
        async with asyncio.timeout(PATIENCE_S):
            while not done(answer := await ask()):
                await asyncio.sleep(0.02)
        return answer

    def output(self, pilot: PilotId) -> str:
        return (self.directory / "logs" / f"{pilot}.out").read_text()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, LocalSettings(slots=2, kill_grace_s=0.3))
    yield bench
    await bench.batch.cancel(list(await bench.batch.status()))
    await bench.until(bench.batch.status, lambda listing: not listing)


async def test_a_pilot_out_of_walltime_is_stopped(bench: Bench) -> None:
    ending = await bench.run(replace(bench.command("/bin/sleep", "60"), walltime_s=1))
    assert (ending.cause, ending.signal) == (EndCause.REMOVED, signal.SIGTERM)
    assert "walltime of 1 s" in ending.reason
    assert ending.wall_s is not None
    assert 1 <= ending.wall_s < 5


async def test_a_cancelled_pilot_may_clean_up_and_is_killed_if_it_does_not_end(bench: Bench) -> None:
    pilots = await bench.submit(bench.script("trap 'echo bye; exit 3' TERM; sleep 60 & wait"))
    pilots += await bench.submit(bench.script("trap '' TERM; sleep 60; sleep 60"))
    for pilot in pilots:
        await bench.running(pilot)
    await asyncio.sleep(0.2)  # for real: nothing outside of the shells tells when their traps are set
    await bench.batch.cancel(pilots)
    endings = [await bench.ending(pilot) for pilot in pilots]
    assert [ending.cause for ending in endings] == [EndCause.CANCELLED] * 2
    assert (endings[0].exit_code, endings[1].signal) == (3, signal.SIGKILL)
    assert bench.output(pilots[0]) == "bye\n"


async def test_nothing_that_a_pilot_started_outlives_it(bench: Bench) -> None:
    (pilot,) = await bench.submit(
        bench.script("setsid sleep 61 & sleep 62 & echo $! ; sleep 0.2; ps -o pid= $!")
    )
    await bench.ending(pilot)
    left = int(bench.output(pilot).split()[0])
    assert not Path(f"/proc/{left}").exists()
    assert b"sleep\x0061" not in b"".join(_command_lines())


@pytest.mark.parametrize("content", ["#!/nonexistent/interpreter\n", ""])
async def test_a_command_that_cannot_be_run_says_why(bench: Bench, content: str) -> None:
    script = bench.directory / "pilot"
    script.write_text(content)
    ending = await bench.run(bench.command(script))
    assert (ending.cause, ending.exit_code) == (EndCause.EXIT, 127)
    assert f"cannot run {script}: " in ending.reason


async def test_a_script_that_is_not_executable_is_run_with_its_inputs(bench: Bench) -> None:
    script, data = bench.directory / "pilot.sh", bench.directory / "data.txt"
    script.write_text('#!/bin/sh\ncat data.txt; echo "$@"; pwd; echo $TMPDIR; echo oops >&2\n')
    data.write_text("input\n")
    (pilot,) = await bench.submit(replace(bench.command(script, "one", "two  words"), inputs=(data,)))
    assert (await bench.ending(pilot)).exit_code == 0
    work = str(bench.files.working_directory(pilot))
    assert bench.output(pilot).splitlines() == ["input", "one two  words", work, work]
    assert (bench.directory / "logs" / f"{pilot}.err").read_text() == "oops\n"
    assert not Path(work).exists(), "cleaned up"
    assert not os.access(script, os.X_OK), "the original is left alone"


async def test_pilots_do_not_see_the_factorys_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    everything = bench.script("env; tr '\\0' '\\n' </proc/$PPID/environ")
    (pilot,) = await bench.submit(replace(everything, environment={"MINE": "yes"}))
    await bench.ending(pilot)
    assert "MINE=yes" in bench.output(pilot)
    assert "PATH=" in bench.output(pilot)
    assert "secret" not in bench.output(pilot)


async def test_a_pilot_cannot_take_more_memory_than_it_asked_for(bench: Bench) -> None:
    take = "bytearray(200 * 1024 * 1024)"
    assert (await bench.run(bench.command("/usr/bin/env", "python3", "-c", take))).exit_code == 1
    larger = replace(bench.command("/usr/bin/env", "python3", "-c", take), memory_mb=400)
    assert (await bench.run(larger)).exit_code == 0


async def test_slots_are_never_exceeded_and_the_queue_is_served_in_order(bench: Bench) -> None:
    log = bench.directory / "log"
    one = bench.script(f"echo + >>{log}; sleep 0.1; echo - >>{log}")
    pilots = [
        *await bench.submit(one, 5),
        *await bench.submit(replace(one, cores=2)),
        *await bench.submit(one, 2),
    ]
    endings = [await bench.ending(pilot) for pilot in pilots]
    now, peak = 0, 0
    for mark in log.read_text().split():
        now += 1 if mark == "+" else -1
        peak = max(peak, now)
    assert peak == 2
    starts = [ending.started_at for ending in endings if ending.started_at]
    assert starts == sorted(starts)
    assert len(starts) == 8
    assert endings[5].ended_at is not None
    assert endings[6].started_at is not None
    assert endings[6].started_at >= endings[5].ended_at, "the large one had the machine to itself"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cores": 3}, "needs 3 slots, there are 2"),
        ({"gpus": 1}, "set gpus = 0"),
        ({"attributes": {"+Name": "1"}}, r"remove \+Name"),
        ({"inputs": (Path("/nonexistent"),)}, "/nonexistent is not a file"),
        ({"executable": Path("/tmp")}, "/tmp is not a file"),
    ],
)
async def test_what_can_never_run_is_rejected_with_its_reason(
    bench: Bench, change: Mapping[str, object], why: str
) -> None:
    with pytest.raises(SubmitRejected, match=why):
        await bench.submit(replace(bench.command("/bin/true"), **change))  # type: ignore[arg-type]
    assert await bench.batch.status() == {}


async def test_a_pilot_that_no_longer_fits_is_held_and_blocks_nobody(bench: Bench) -> None:
    (blocker,) = await bench.submit(replace(bench.command("/bin/sleep", "60"), cores=2))
    (large,) = await bench.submit(replace(bench.command("/bin/true"), cores=2))
    (small,) = await bench.submit(bench.command("/bin/true"))
    smaller = bench.make(LocalSettings(slots=1, kill_grace_s=0.3))
    listing = await smaller.status()
    assert (listing[large].state, listing[large].reason) == (PilotState.HELD, "it needs 2 slots, there are 1")
    await smaller.cancel([blocker])
    assert (await bench.until(lambda: smaller.ended([small]), bool))[small].exit_code == 0
    await smaller.cancel([large])
    assert (await smaller.ended([large]))[large].cause is EndCause.CANCELLED


async def test_a_pilot_submitted_again_is_not_run_again(bench: Bench) -> None:
    log = bench.directory / "log"
    spec = bench.script(f"echo run >>{log}")
    pilots = await bench.submit(spec, 2)
    await bench.batch.submit(spec, pilots)
    for pilot in pilots:
        await bench.ending(pilot)
    assert set((await bench.batch.submit(spec, pilots)).accepted) == set(pilots)
    (last,) = await bench.submit(spec)
    await bench.ending(last)
    assert log.read_text() == "run\n" * 3


async def test_a_full_disk_rejects_the_submission_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.batch.status()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SubmitRejected, match="No space left"):
            await bench.submit(bench.command("/bin/true"))
    assert await bench.batch.status() == {}


async def test_a_submission_that_may_not_last_is_unknown_and_exists(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: LocalFiles) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "secure_submissions", fails)
        with pytest.raises(SubmitUnknown):
            await bench.submit(bench.command("/bin/sleep", "60"))
    assert len(await bench.batch.status()) == 1


async def test_a_damaged_submission_makes_the_listing_unavailable(bench: Bench) -> None:
    await bench.batch.status()
    (bench.files.root / "submissions" / "1.json").write_text("{")
    with pytest.raises(BatchUnavailable, match="move it away"):
        await bench.batch.status()
    (bench.files.root / "submissions" / "1.json").unlink()
    assert await bench.batch.status() == {}


async def test_a_pilot_whose_keeper_was_killed_runs_on_and_its_end_is_noticed(bench: Bench) -> None:
    (pilot,) = await bench.submit(bench.command("/bin/sleep", "60"))
    await bench.running(pilot)
    running = bench.files.running(pilot)
    assert running is not None
    os.kill(running.keeper.pid, signal.SIGKILL)
    await bench.until(_gone(running.keeper), bool)
    assert (await bench.batch.status())[pilot].state is PilotState.RUNNING
    assert await bench.batch.ended([pilot]) == {}
    os.kill(running.pilot.pid, signal.SIGKILL)
    ending = await bench.ending(pilot)
    assert (ending.cause, ending.exit_code) == (EndCause.SIGNAL, None)
    assert "keeper vanished" in ending.reason
    assert await bench.batch.status() == {}


async def test_a_pilot_whose_keeper_was_killed_can_be_cancelled(bench: Bench) -> None:
    (pilot,) = await bench.submit(bench.command("/bin/sleep", "60"))
    await bench.running(pilot)
    running = bench.files.running(pilot)
    assert running is not None
    os.kill(running.keeper.pid, signal.SIGKILL)
    await bench.until(_gone(running.keeper), bool)
    await bench.batch.cancel([pilot])
    assert (await bench.ending(pilot)).cause is EndCause.CANCELLED


async def test_killing_the_starter_again_and_again_neither_loses_nor_doubles(bench: Bench) -> None:
    log = bench.directory / "log"
    pilots = await bench.submit(bench.script(f"echo $APF_PILOT >>{log}; sleep 0.05"), 40)
    while len(ended := await bench.batch.ended(pilots)) < len(pilots):
        await asyncio.sleep(random.uniform(0, 0.15))
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(bench.files.lock.read_text()), signal.SIGKILL)
        live = set(await bench.batch.status())
        assert live | set(await bench.batch.ended(pilots)) == set(pilots), "known at any time"
    assert sorted(log.read_text().split()) == pilots
    assert {ending.exit_code for ending in ended.values()} == {0}


def _gone(process: ProcessId) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return not process.alive

    return ask


def _command_lines() -> list[bytes]:
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(process.read_bytes())
    return lines
