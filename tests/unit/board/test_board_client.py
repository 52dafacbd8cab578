from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from board_server import serving_board
from pydantic import SecretStr

from autopyfactory.api import WmsUnavailable
from autopyfactory.board import BoardClient, BoardRefused, InputFile, JobSpec, JobStatus
from autopyfactory.board import client as client_module


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[BoardClient]:
    async with serving_board(tmp_path / "b.db") as url, BoardClient(url) as client:
        yield client


def jobs(n: int, queue: str = "Q") -> list[JobSpec]:
    return [JobSpec(queue=queue, command=f"c{i}") for i in range(n)]


async def test_submit_list_and_ask(client: BoardClient) -> None:
    ids = await client.submit(jobs(3))
    assert [job.job_id for job in await client.jobs()] == ids[::-1]
    assert [state.job_id for state in await client.status([ids[2], 999, ids[0]])] == [ids[2], ids[0]]
    assert (await client.counts())["Q"][JobStatus.ACTIVATED] == 3


async def test_many_jobs_go_and_come_in_parts(client: BoardClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_MAX_JOBS", 7)
    monkeypatch.setattr(client_module, "_PAGE", 4)
    monkeypatch.setattr(client_module, "_IDS_PER_CALL", 3)
    ids = await client.submit(jobs(20))
    assert len(set(ids)) == 20
    assert [job.job_id for job in await client.jobs()] == ids[::-1]
    assert len(await client.jobs(limit=6)) == 6
    assert [state.job_id for state in await client.status(ids)] == ids


async def test_large_files_go_in_several_calls(client: BoardClient) -> None:
    file = InputFile.of("data", bytes(2**20))
    ids = await client.submit([JobSpec(queue="Q", command="x", inputs=(file,)) for _ in range(14)])
    assert len(ids) == 14


async def test_filters(client: BoardClient) -> None:
    await client.submit(jobs(2) + jobs(1, "OTHER"))
    assert [job.queue for job in await client.jobs(queue="OTHER")] == ["OTHER"]
    assert await client.jobs(status=JobStatus.FINISHED) == []
    assert await client.submit([]) == []


async def test_kill(client: BoardClient) -> None:
    ids = await client.submit(jobs(2))
    assert await client.kill([ids[0], 999]) == [True, False]
    assert [job.status for job in await client.jobs()] == [JobStatus.ACTIVATED, JobStatus.CANCELLED]


async def test_nobody_there() -> None:
    async with BoardClient("http://127.0.0.1:1") as client:
        with pytest.raises(WmsUnavailable, match=r"http://127\.0\.0\.1:1/api/v1/job/submit.*0 of 2 jobs"):
            await client.submit(jobs(2))


async def test_a_refusal_says_how_far_it_came(client: BoardClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_MAX_JOBS", 1)
    bad = JobSpec.model_construct(**{**jobs(1)[0].model_dump(), "cores": 0})
    with pytest.raises(BoardRefused, match=r"jobs\.0\.cores.*1 of 2 jobs were submitted"):
        await client.submit([jobs(1)[0], bad])


async def test_tokens(tmp_path: Path) -> None:
    async with serving_board(tmp_path / "b.db", token="sesame") as url:
        async with BoardClient(url, token=SecretStr("sesame")) as client:
            assert await client.counts() == {}
        async with BoardClient(url) as client:
            with pytest.raises(WmsUnavailable, match=r"HTTP 401.*asks for a token"):
                await client.counts()


async def test_something_else_answers() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"success": True, "message": "", "data": {"jobs": [{"job_id": "x"}]}})

    application = web.Application()
    application.router.add_get("/api/v1/job/list", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with BoardClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(WmsUnavailable, match=r"not the answer of a board: jobs\.0"):
            await client.jobs()
    await runner.cleanup()
