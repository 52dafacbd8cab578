import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from board_server import serving_board

from autopyfactory.api import AutoPyFactoryError, SystemClock
from autopyfactory.board import JobSpec, create_app, queue, serve
from autopyfactory.board.app import end_leases
from autopyfactory.board.database import Database
from autopyfactory.board.guard import MAX_BODY_BYTES
from autopyfactory.board.queue import Room
from autopyfactory.board.routes import Board


class Caller:
    """Calls a board as a pilot written for PanDA does."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, method: str, **params: Any) -> Any:
        async with self.session.get(f"{self.url}/api/v1/{method}", params=params) as response:
            assert response.status == 200
            return await response.json()

    async def post(self, method: str, **body: Any) -> Any:
        async with self.session.post(f"{self.url}/api/v1/{method}", json=body) as response:
            assert response.status == 200
            return await response.json()

    async def submit(self, **job: Any) -> int:
        reply = await self.post("job/submit", jobs=[{"queue": "Q", "command": "true", **job}])
        assert reply["success"], reply
        (job_id,) = reply["data"]["job_ids"]
        return int(job_id)


@asynccontextmanager
async def calling(database: Path, **options: Any) -> AsyncIterator[Caller]:
    async with serving_board(database, **options) as url, aiohttp.ClientSession() as session:
        yield Caller(session, url)


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Caller]:
    async with calling(tmp_path / "board.db") as caller:
        yield caller


async def test_the_exchange_of_a_panda_pilot(board: Caller) -> None:
    job = await board.submit(arguments=["-c", "a b", ""], environment={"A": "1"}, cores=2, priority=7)
    reply = await board.post(
        "pilot/acquire_jobs",
        site_name="Q",
        prod_source_label="managed",
        node="slot1@wn1",
        n_jobs=1,
        memory=4000,
    )
    assert reply["success"] is True
    assert reply["message"] == ""
    assert reply["data"]["StatusCode"] == 0
    (handed,) = reply["data"]["jobs"]
    assert (
        handed.items()
        >= {
            "StatusCode": 0,
            "PandaID": job,
            "attemptNr": 1,
            "transformation": "true",
            "jobPars": "-c 'a b' ''",
            "coreCount": 2,
            "minRamCount": 1000,
            "currentPriority": 7,
            "environment": {"A": "1"},
            "inputs": [],
            "leaseSeconds": 120.0,
        }.items()
    )
    reply = await board.post("pilot/update_job", job_id=job, job_status="running", attempt_nr=1, max_rss=12)
    assert reply == {"success": True, "message": "", "data": {"StatusCode": 0, "command": "NULL"}}
    reply = await board.get("pilot/get_job_status", job_ids=job)
    assert reply["data"] == [{"job_id": job, "status": "running", "attempt_number": 1}]
    reply = await board.post(
        "pilot/update_job",
        job_id=job,
        job_status="finished",
        attempt_nr=1,
        trans_exit_code=0,
        meta_data="[1]",
    )
    assert reply["data"] == {"StatusCode": 0, "command": "NULL"}
    (state,) = (await board.get("job/get_status", job_ids=job))["data"]
    assert (state["status"], state["command"], state["result"]) == ("finished", None, "[1]")


async def test_no_work_is_told_as_panda_does(board: Caller) -> None:
    reply = await board.post("pilot/acquire_jobs", site_name="Q")
    assert reply == {"success": False, "message": "No jobs in PanDA", "data": None}


async def test_cores_of_a_pilot_come_in_a_header(board: Caller) -> None:
    await board.submit(cores=8)
    board.session.headers["X-APF-Cores"] = "4"
    assert not (await board.post("pilot/acquire_jobs", site_name="Q"))["success"]
    board.session.headers["X-APF-Cores"] = "8"
    assert (await board.post("pilot/acquire_jobs", site_name="Q"))["success"]


@pytest.mark.parametrize(("resource_type", "cores"), [("SCORE", 1), ("SCORE_HIMEM", 1), ("MCORE", 8)])
async def test_resource_types(board: Caller, resource_type: str, cores: int) -> None:
    for n in (1, 8):
        await board.submit(cores=n)
    reply = await board.post("pilot/acquire_jobs", site_name="Q", resource_type=resource_type, n_jobs=9)
    assert [job["coreCount"] for job in reply["data"]["jobs"]] == [cores]


async def test_statistics(board: Caller) -> None:
    assert await board.get("statistics/active_job_stats_by_site") == {
        "success": True,
        "message": "",
        "data": {},
    }
    for cores in (1, 1, 8):
        await board.submit(cores=cores)
    await board.post("pilot/acquire_jobs", site_name="Q", resource_type="SCORE")
    stats = (await board.get("statistics/active_job_stats_by_site"))["data"]
    assert {status: n for status, n in stats["Q"].items() if n} == {"activated": 2, "sent": 1}
    by_type = (await board.get("statistics/job_stats_by_site_and_resource_type", time_window=60))["data"]
    assert by_type["Q"]["MCORE"]["activated"] == 1
    assert by_type["Q"]["SCORE"]["sent"] == 1


async def test_several_ids_at_once_come_back_in_order(board: Caller) -> None:
    ids = [await board.submit() for _ in range(3)]
    query = "&".join(f"job_ids={i}" for i in [*reversed(ids), 999])
    async with board.session.get(f"{board.url}/api/v1/pilot/get_job_status?{query}") as response:
        answer = (await response.json())["data"]
    assert [entry["job_id"] for entry in answer] == [*reversed(ids), 999]
    assert answer[-1] == {"job_id": 999, "status": "not found", "attempt_number": 0}


async def test_a_superseded_pilot_is_told_to_stop(board: Caller) -> None:
    job = await board.submit()
    await board.post("pilot/acquire_jobs", site_name="Q")
    await board.post("pilot/update_job", job_id=job, job_status="failed", attempt_nr=1)
    reply = await board.post("pilot/update_job", job_id=job, job_status="finished", attempt_nr=1)
    assert reply["success"] is False
    assert "given up" in reply["message"]
    assert reply["data"]["command"] == "tobekilled"


async def test_kill(board: Caller) -> None:
    job = await board.submit()
    await board.post("pilot/acquire_jobs", site_name="Q")
    assert (await board.post("job/kill", job_ids=[job, 5]))["data"] == [True, False]
    reply = await board.post("pilot/update_job", job_id=job, job_status="running")
    assert reply["success"] is True
    assert reply["data"]["command"] == "tobekilled"


async def test_worker_status_is_accepted(board: Caller) -> None:
    reply = await board.post("pilot/update_worker_status", worker_id=101, harvester_id="h", status="started")
    assert reply["success"] is True


async def test_list_pages(board: Caller) -> None:
    ids = [await board.submit() for _ in range(3)]
    page = (await board.get("job/list", limit=2))["data"]
    assert [job["job_id"] for job in page["jobs"]] == [ids[2], ids[1]]
    rest = (await board.get("job/list", limit=2, before=page["next"]))["data"]
    assert [job["job_id"] for job in rest["jobs"]] == [ids[0]]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("method", "body", "message"),
    [
        ("pilot/acquire_jobs", {}, "site_name: Field required"),
        ("pilot/acquire_jobs", {"site_name": "Q", "n_jobs": 0}, "n_jobs: "),
        ("pilot/acquire_jobs", {"site_name": "Q", "n_jobs": 10**9}, "n_jobs: "),
        ("pilot/acquire_jobs", {"site_name": "Q", "memory": -1}, "memory: "),
        ("pilot/update_job", {"job_id": "NULL", "job_status": "running"}, "job_id: "),
        ("pilot/update_job", {"job_id": 10**30, "job_status": "running"}, "job_id: "),
        ("pilot/update_job", {"job_id": 1, "job_status": "activated"}, "job_status: "),
        (
            "pilot/update_job",
            {"job_id": 1, "job_status": "finished", "meta_data": "é" * 40_000},
            "at most 65536",
        ),
        ("job/submit", {}, "jobs: Field required"),
        ("job/submit", {"jobs": []}, "jobs: "),
        ("job/submit", {"jobs": "[]"}, "jobs: "),
        ("job/submit", {"jobs": [{"queue": "Q"}]}, "jobs.0.command: Field required"),
        (
            "job/submit",
            {"jobs": [{"queue": "Q", "command": "x", "retries": 1}]},
            "jobs.0.retries: Extra inputs",
        ),
        ("job/kill", {"job_ids": ["a"]}, "job_ids.0: "),
    ],
)
async def test_wrong_parameters_are_named(
    board: Caller, method: str, body: dict[str, Any], message: str
) -> None:
    reply = await board.post(method, **body)
    assert reply["success"] is False
    assert message in reply["message"]
    assert reply["data"] is None


async def test_one_bad_job_and_none_is_kept(board: Caller) -> None:
    good, bad = {"queue": "Q", "command": "x"}, {"queue": "Q", "command": "x", "cores": 0}
    assert not (await board.post("job/submit", jobs=[good, bad]))["success"]
    assert (await board.get("job/list"))["data"]["jobs"] == []


async def test_texts_of_pilots_are_cut_not_refused(board: Caller) -> None:
    job = await board.submit(max_attempts=1)
    await board.post("pilot/acquire_jobs", site_name="Q", node="n" * 1000)
    reply = await board.post(
        "pilot/update_job",
        job_id=job,
        job_status="failed",
        pilot_error_diag="x" * 10_000,
        exe_error_diag=None,
    )
    assert reply["success"] is True
    (listed,) = (await board.get("job/list"))["data"]["jobs"]
    assert (len(listed["diag"]), len(listed["node"])) == (1000, 255)


async def test_a_body_that_is_not_json(board: Caller) -> None:
    url, kind = f"{board.url}/api/v1/job/submit", {"Content-Type": "application/json"}
    async with board.session.post(url, data="{", headers=kind) as response:
        assert response.status == 200
        assert "the body is not JSON" in (await response.json())["message"]


async def test_too_large_a_body_is_refused(board: Caller) -> None:
    chunks = MAX_BODY_BYTES // 2**20 + 1

    async def body() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield b" " * 2**20

    async with board.session.post(f"{board.url}/api/v1/job/submit", data=body()) as response:
        assert response.status == 413
        assert "send fewer jobs" in (await response.json())["message"]


async def test_unknown_calls_keep_the_shape(board: Caller) -> None:
    async with board.session.get(f"{board.url}/api/v1/task/submit") as response:
        assert response.status == 404
        assert await response.json() == {"success": False, "message": "Not Found", "data": None}


async def test_a_web_page_may_not_submit(board: Caller) -> None:
    jobs = {"jobs": [{"queue": "Q", "command": "x"}]}
    headers = {"Origin": "http://example.org"}
    async with board.session.post(f"{board.url}/api/v1/job/submit", json=jobs, headers=headers) as response:
        assert response.status == 401
    assert (await board.get("job/list"))["data"]["jobs"] == []


async def test_with_a_token_nobody_else_is_served(tmp_path: Path) -> None:
    async with calling(tmp_path / "b.db", token="sesame") as board:
        url = f"{board.url}/api/v1/job/list"
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "sesame"}):
            async with board.session.get(url, headers=headers) as response:
                assert response.status == 401
        async with board.session.get(url, headers={"Authorization": "Bearer sesame"}) as response:
            assert response.status == 200
        async with board.session.get(f"{board.url}/healthz") as response:
            assert response.status == 200


async def test_a_silent_pilot_is_given_up(tmp_path: Path) -> None:
    async with calling(tmp_path / "b.db", lease_s=0.2) as board:
        job = await board.submit()
        await board.post("pilot/acquire_jobs", site_name="Q")
        # real time, since the lease is watched by the board itself
        async with asyncio.timeout(10):
            while (await board.get("job/get_status", job_ids=job))["data"][0]["attempt"] == 1:
                await asyncio.sleep(0.02)


async def test_a_restarted_board_gives_pilots_a_full_lease(tmp_path: Path) -> None:
    database = Database(tmp_path / "b.db")
    long_ago = SystemClock().now() - timedelta(days=1)
    spec = JobSpec(queue="Q", command="x")
    await database.run(lambda c: queue.submit(c, [spec], long_ago))
    await database.run(lambda c: queue.acquire(c, "Q", 1, Room(), "n", long_ago, timedelta(seconds=1)))
    await database.close()
    async with calling(tmp_path / "b.db") as board:
        reply = await board.post("pilot/update_job", job_id=1, job_status="finished", attempt_nr=1)
        assert reply["success"] is True


@pytest.mark.parametrize(("asleep", "attempt"), [(True, 1), (False, 2)])
async def test_a_board_that_slept_gives_nobody_up(tmp_path: Path, asleep: bool, attempt: int) -> None:
    board = Board(Database(tmp_path / "b.db"), timedelta(seconds=60), SystemClock())
    ago = board.clock.now() - timedelta(hours=1)
    await board.run(lambda c: queue.submit(c, [JobSpec(queue="Q", command="x")], ago))
    await board.run(lambda c: queue.acquire(c, "Q", 1, Room(), "n", ago, board.lease))
    await end_leases(board, asleep=asleep)
    (state,) = await board.run(lambda c: queue.states(c, [1]))
    await board.database.close()
    assert state is not None
    assert state.attempt == attempt


async def test_a_port_that_is_taken(tmp_path: Path, board: Caller) -> None:
    port = int(board.url.rpartition(":")[2])
    app = create_app(tmp_path / "second.db")
    with pytest.raises(AutoPyFactoryError, match="choose another"):
        await serve(app, "127.0.0.1", port)


async def test_two_hundred_pilots_at_once(board: Caller) -> None:
    jobs = [{"queue": "Q", "command": "x"}] * 250
    await board.post("job/submit", jobs=jobs)

    async def pilot() -> list[int]:
        done = []
        while (reply := await board.post("pilot/acquire_jobs", site_name="Q"))["success"]:
            (job,) = reply["data"]["jobs"]
            reply = await board.post(
                "pilot/update_job", job_id=job["PandaID"], job_status="finished", attempt_nr=job["attemptNr"]
            )
            assert reply["success"]
            done.append(job["PandaID"])
        return done

    done = [job for some in await asyncio.gather(*(pilot() for _ in range(200))) for job in some]
    assert len(done) == len(set(done)) == 250, "every job went to one pilot"
