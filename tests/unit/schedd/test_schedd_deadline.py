"""The worker process looks at the deadline of a submission itself: it may have been stopped for long."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_bindings import Fakes

from autopyfactory.api import Deadline, uptime_s
from autopyfactory.schedd.client import ScheddClient
from autopyfactory.schedd.errors import ScheddTooLate


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[ScheddClient]:
    client = Fakes(tmp_path).client()
    yield client
    await client.close()


async def test_in_time(client: ScheddClient) -> None:
    assert await client.submit({}, [{"item": "a"}], Deadline(uptime_s() + 60)) == (12, 0, 1)


async def test_too_late(client: ScheddClient) -> None:
    with pytest.raises(ScheddTooLate):
        await client.submit({}, [{"item": "a"}], Deadline(uptime_s()))
    assert await client.submit({}, [{"item": "a"}]) == (12, 0, 1), "the worker serves on"


async def test_a_worker_that_is_stopped_beyond_the_deadline_submits_nothing(client: ScheddClient) -> None:
    await client.submit({}, [{"item": "a"}])  # so that the worker is up
    assert client.worker_pid is not None
    os.kill(client.worker_pid, signal.SIGSTOP)
    submission = asyncio.create_task(client.submit({}, [{"item": "b"}], Deadline(uptime_s() + 0.2)))
    await asyncio.sleep(0.4)  # real time: the worker's clock is the machine's
    os.kill(client.worker_pid, signal.SIGCONT)
    with pytest.raises(ScheddTooLate):
        await submission
