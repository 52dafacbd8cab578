"""The single file against a real board: twenty jobs, limits, validation, an absent monitor, SIGTERM."""

import asyncio
import json
import os
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from board_server import serving_board
from pilot_process import built_wrapper
from report_server import ReportServer

from autopyfactory.board import BoardClient, JobSpec, JobState, JobStatus

LEASE_S = 2.0
ABSENT = {"APF_REPORT_URL": "http://127.0.0.1:1", "APF_PILOT": "p", "APF_PILOT_TOKEN": "t"}
HUNGRY = "import time; keep = b'x' * (200 << 20); time.sleep(60)"


def start(url: str, place: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the file as a batch system does: by itself, its head finds the Python."""
    place.mkdir(parents=True, exist_ok=True)
    words = ["--wrapperserverurl", url, "--wrapperwmsqueue", "Q", "--poll", "0.1", "--watch", "0.1"]
    return subprocess.Popen(
        [built_wrapper(), *words, "--grace", "1", *options],
        cwd=place, env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


async def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, output


@asynccontextmanager
async def board_and_monitor(tmp_path: Path) -> AsyncIterator[tuple[str, BoardClient, ReportServer]]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving_board(tmp_path / "board.db", lease_s=LEASE_S))
        client = await stack.enter_async_context(BoardClient(url))
        monitor = ReportServer()
        stack.callback(monitor.close)
        yield url, client, monitor


async def state_of(client: BoardClient, job_id: int) -> JobState:
    (state,) = await client.status([job_id])
    return state


async def test_twenty_jobs_reported_one_by_one(tmp_path: Path) -> None:
    async with board_and_monitor(tmp_path) as (url, client, monitor):
        ids = await client.submit(
            [
                JobSpec(queue="Q", command="sh", arguments=("-c", f"echo $(({n} * {n})) > result.json"))
                for n in range(20)
            ]
        )
        steps = (
            "--require",
            "disk=1",
            "--require",
            f"http={url}",
            "--require",
            "clock",
            "--require",
            "write",
        )
        pilots = [
            start(url, tmp_path / str(n), *steps, "--benchmark", "0.05", **monitor.environment)
            for n in (1, 2)
        ]
        codes = [await ended(pilot) for pilot in pilots]
        results = [json.loads(state.result or "") for state in await client.status(ids)]
        assert results == [n * n for n in range(20)]
        assert {code for code, _ in codes} <= {0, 80}, codes
        done = [report["data"] for report in monitor.of("payload") if report["data"]["status"] == "finished"]
        assert sorted(int(data["payload"]) for data in done) == sorted(ids)
        assert len(monitor.of("exiting")) == 2
        assert all(each["ok"] for report in monitor.of("validated") for each in report["data"]["validation"])
        assert [list((tmp_path / str(n)).iterdir()) for n in (1, 2)] == [[], []]


async def test_a_node_that_is_not_valid_takes_nothing(tmp_path: Path) -> None:
    async with board_and_monitor(tmp_path) as (url, client, monitor):
        (job_id,) = await client.submit([JobSpec(queue="Q", command="true")])
        pilot = start(
            url,
            tmp_path / "w",
            "--require",
            "cvmfs=no-such.example.org",
            "--benchmark",
            "0",
            **monitor.environment,
        )
        code, output = await ended(pilot)
        assert code == 84, output
        state = await state_of(client, job_id)
        assert state.status is JobStatus.ACTIVATED
        (fault,) = monitor.of("fault")
        assert "/cvmfs/no-such.example.org is not mounted" in fault["message"]


@pytest.mark.parametrize(
    ("arguments", "option", "why"),
    [
        (("python3", "-c", HUNGRY), ("--memory-limit-mb", "100"), "100 allowed"),
        (("sleep", "60"), ("--payload-timeout", "0.7"), "it ran longer than 0.7 s"),
        (("sleep", "60"), ("--silence-limit", "0.7"), "its log is silent for more than 0.7 s"),
    ],
)
async def test_a_payload_over_its_limits_is_killed_and_reported(
    arguments: tuple[str, ...], option: tuple[str, str], why: str, tmp_path: Path
) -> None:
    async with board_and_monitor(tmp_path) as (url, client, monitor):
        spec = JobSpec(queue="Q", command=arguments[0], arguments=arguments[1:], max_attempts=1)
        (job_id,) = await client.submit([spec])
        pilot = start(url, tmp_path / "w", *option, "--benchmark", "0", **monitor.environment)
        code, output = await ended(pilot)
        assert code == 0, output
        state = await state_of(client, job_id)
        assert state.status is JobStatus.FAILED
        assert why in state.diag
        failed = monitor.of("payload")[-1]
        assert failed["data"]["status"] == "failed"
        assert why in failed["message"]


async def test_told_to_end_it_reports_stops_and_returns_the_job(tmp_path: Path) -> None:
    async with board_and_monitor(tmp_path) as (url, client, monitor):
        marker = tmp_path / "pid"
        line = f"echo $$ > {shlex.quote(str(marker))}; exec sleep 60"
        (job_id,) = await client.submit([JobSpec(queue="Q", command="sh", arguments=("-c", line))])
        pilot = start(url, tmp_path / "w", "--benchmark", "0", **monitor.environment)
        async with asyncio.timeout(20):
            while not (marker.exists() and marker.read_text().strip()):
                await asyncio.sleep(0.05)
        pilot.terminate()
        async with asyncio.timeout(15):
            code, output = await ended(pilot)
        assert code == 143, output
        state = await state_of(client, job_id)
        assert state.status is JobStatus.ACTIVATED, "it is tried again elsewhere"
        assert not Path(f"/proc/{marker.read_text().strip()}").exists()
        assert any(report["message"].startswith("stopping") for report in monitor.of("heartbeat"))
        (exiting,) = monitor.of("exiting")
        assert exiting["data"]["rc"] == 143


async def test_an_absent_monitor_costs_no_work(tmp_path: Path) -> None:
    async with board_and_monitor(tmp_path) as (url, client, _):
        ids = await client.submit([JobSpec(queue="Q", command="true")] * 3)
        code, output = await ended(start(url, tmp_path / "w", "--benchmark", "0", **ABSENT))
        assert code == 0, output
        assert {state.status for state in await client.status(ids)} == {JobStatus.FINISHED}
