"""kill -9 of the board while it works: what it has confirmed is there afterwards."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from autopyfactory.board import BoardClient, JobSpec, JobState, JobStatus

ROUNDS = 4
CALLERS = 12
SERVE = """
import asyncio, sys
from pathlib import Path
from autopyfactory.board import create_app, serve
ready = lambda url: print(url, flush=True)
asyncio.run(serve(create_app(Path(sys.argv[1])), "127.0.0.1", int(sys.argv[2]), ready))
"""


@dataclass
class Confirmed:
    """What the board has answered with success."""

    submitted: set[int] = field(default_factory=set)
    acquired: dict[int, int] = field(default_factory=dict)
    finished: dict[int, str] = field(default_factory=dict)

    @property
    def jobs(self) -> set[int]:
        """All of which anything was told; another caller may be handed a job before its submitter is told."""
        return self.submitted | self.acquired.keys()


@asynccontextmanager
async def board(database: Path, port: int) -> AsyncIterator[tuple[str, int]]:
    """Give URL and process id; killed with SIGKILL at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, database, str(port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().strip()
        yield url, process.pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()


async def _post(session: aiohttp.ClientSession, method: str, **body: Any) -> Any:
    async with session.post(f"/api/v1/{method}", json=body) as response:
        reply = await response.json()
        return reply["data"] if reply["success"] else None


async def _work(session: aiohttp.ClientSession, confirmed: Confirmed, rng: random.Random) -> None:
    """Submit, acquire and finish jobs until the board is gone."""
    with suppress(aiohttp.ClientError, OSError):
        while True:
            jobs = [{"queue": "Q", "command": "x"}] * rng.randint(1, 3)
            confirmed.submitted |= set((await _post(session, "job/submit", jobs=jobs))["job_ids"])
            data = await _post(session, "pilot/acquire_jobs", site_name="Q")
            for handed in data["jobs"] if data else ():
                job_id, attempt = handed["PandaID"], handed["attemptNr"]
                confirmed.acquired[job_id] = attempt
                if rng.random() < 0.7:
                    result = f"{rng.random()}"
                    said = {"job_status": "finished", "attempt_nr": attempt, "meta_data": result}
                    answer = await _post(session, "pilot/update_job", job_id=job_id, **said)
                    assert answer is not None
                    confirmed.finished[job_id] = result


def _check(confirmed: Confirmed, states: dict[int, JobState]) -> None:
    assert set(states) == confirmed.jobs, "a confirmed job is lost"
    for job_id, attempt in confirmed.acquired.items():
        assert states[job_id].attempt == attempt
        assert states[job_id].status is not JobStatus.ACTIVATED, "a job that a pilot holds is in the queue"
    for job_id, result in confirmed.finished.items():
        assert states[job_id].status is JobStatus.FINISHED
        assert states[job_id].result == result


async def test_nothing_confirmed_is_lost(tmp_path: Path) -> None:
    rng = random.Random(7)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    confirmed = Confirmed()
    for _ in range(ROUNDS):
        async with (
            board(tmp_path / "board.db", port) as (url, process),
            aiohttp.ClientSession(url) as session,
        ):
            working = [asyncio.create_task(_work(session, confirmed, rng)) for _ in range(CALLERS)]
            await asyncio.sleep(rng.uniform(0.2, 0.8))  # real time: it dies in the middle of its work
            os.kill(process, signal.SIGKILL)
            await asyncio.gather(*working)
        async with board(tmp_path / "board.db", port) as (url, _), BoardClient(url) as client:
            states = {state.job_id: state for state in await client.status(sorted(confirmed.jobs))}
            _check(confirmed, states)
    assert len(confirmed.finished) > 20, "too little was done to say anything"


async def test_a_pilot_may_finish_after_the_board_died(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with board(tmp_path / "b.db", port) as (url, _), BoardClient(url) as client:
        (job_id,) = await client.submit([JobSpec(queue="Q", command="x")])
        async with aiohttp.ClientSession(url) as session:
            await _post(session, "pilot/acquire_jobs", site_name="Q")
    async with board(tmp_path / "b.db", port) as (url, _), aiohttp.ClientSession(url) as session:
        answer = await _post(session, "pilot/update_job", job_id=job_id, job_status="finished", attempt_nr=1)
    assert answer == {"StatusCode": 0, "command": "NULL"}
