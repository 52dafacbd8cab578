"""Real wrappers take real work from a real board."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from board_server import serving_board
from pilot_process import start_pilot

from autopyfactory.board import BoardClient, InputFile, JobSpec, JobState, JobStatus

if TYPE_CHECKING:
    import subprocess

LEASE_S = 2.0
SQUARE = b"""
import json, os, sys
json.dump({"square": int(sys.argv[1]) ** 2, "greeting": os.environ["GREETING"]}, open("result.json", "w"))
"""


@asynccontextmanager
async def pilots(
    url: str, directory: Path, n: int, *options: str
) -> AsyncIterator[list["subprocess.Popen[str]"]]:
    """Start pilots, each in a directory of its own; killed at the end if they live."""
    started = []
    for i in range(n):
        place = directory / f"pilot-{len(list(directory.iterdir()))}-{i}"
        place.mkdir()
        started.append(start_pilot(url, place, *options))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            await asyncio.to_thread(process.communicate)


async def _state(client: BoardClient, job_id: int) -> JobState:
    (state,) = await client.status([job_id])
    return state


async def _until_running(client: BoardClient, job_id: int) -> None:
    async with asyncio.timeout(20):
        while (await _state(client, job_id)).status is not JobStatus.RUNNING:
            await asyncio.sleep(0.05)


async def test_twenty_jobs_and_a_killed_pilot(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    program = InputFile.of("square.py", SQUARE)
    async with (
        serving_board(tmp_path / "board.db", lease_s=LEASE_S) as url,
        BoardClient(url) as client,
    ):
        # it hangs in its first attempt, so that a pilot can be killed over it
        stuck = JobSpec(
            queue="Q",
            command="sh",
            arguments=("-c", f"test -e {tmp_path}/tried || {{ touch {tmp_path}/tried; exec sleep 60; }}"),
            priority=1,
        )
        (stuck_id,) = await client.submit([stuck])
        async with pilots(url, work, 1) as (victim,):
            await _until_running(client, stuck_id)
            os.kill(victim.pid, signal.SIGKILL)
        squares = [
            JobSpec(
                queue="Q",
                command="python3",
                arguments=("square.py", str(n)),
                environment={"GREETING": 'ü "$HOME"'},
                inputs=(program,),
            )
            for n in range(19)
        ]
        ids = await client.submit(squares)
        async with pilots(url, work, 3, "--idle", str(4 * LEASE_S)) as alive:
            async with asyncio.timeout(60):
                while (await client.counts())["Q"][JobStatus.FINISHED] < 20:
                    await asyncio.sleep(0.1)
            assert all(process.poll() is None for process in alive)
        results = [json.loads(state.result or "") for state in await client.status(ids)]
        assert sum(result["square"] for result in results) == sum(n * n for n in range(19))
        assert {result["greeting"] for result in results} == {'ü "$HOME"'}
        given_up = await _state(client, stuck_id)
        assert (given_up.status, given_up.attempt) == (JobStatus.FINISHED, 2)
        assert given_up.exit_code == 0


async def test_an_outcome_outlives_an_absence_of_the_board(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    go = tmp_path / "go"
    waits = JobSpec(
        queue="Q",
        command="sh",
        arguments=("-c", f"while ! test -e {go}; do sleep 0.05; done; echo 1 > result.json"),
    )
    async with AsyncExitStack() as stack:
        first = AsyncExitStack()
        url = await first.enter_async_context(serving_board(tmp_path / "board.db", lease_s=LEASE_S))
        client = await stack.enter_async_context(BoardClient(url))
        (job_id,) = await client.submit([waits])
        (process,) = await stack.enter_async_context(pilots(url, work, 1))
        await _until_running(client, job_id)
        await first.aclose()
        go.touch()
        await asyncio.sleep(LEASE_S + 0.5)  # real time: longer than the lease, the pilot is another process
        port = int(url.rpartition(":")[2])
        await stack.enter_async_context(serving_board(tmp_path / "board.db", lease_s=LEASE_S, port=port))
        assert await asyncio.to_thread(process.wait, 20) == 0
        state = await _state(client, job_id)
        assert (state.status, state.attempt, state.result) == (JobStatus.FINISHED, 1, "1\n")


async def test_a_killed_job_ends_on_its_node(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    async with (
        serving_board(tmp_path / "board.db", lease_s=LEASE_S) as url,
        BoardClient(url) as client,
    ):
        (job_id,) = await client.submit([JobSpec(queue="Q", command="sleep", arguments=("60",))])
        async with pilots(url, work, 1) as (process,):
            await _until_running(client, job_id)
            assert await client.kill([job_id]) == [True]
            assert await asyncio.to_thread(process.wait, 20) == 0
        assert (await _state(client, job_id)).status is JobStatus.CANCELLED
