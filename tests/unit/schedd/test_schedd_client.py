"""A client and its worker process, with stand-ins for the bindings."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_bindings import Fakes, fakes

from autopyfactory.schedd.client import ScheddClient
from autopyfactory.schedd.errors import ScheddRefused, ScheddSilent, ScheddUnreachable

__all__ = ["fakes"]


@pytest.fixture
async def client(fakes: Fakes) -> AsyncIterator[ScheddClient]:
    client = fakes.client()
    yield client
    await client.close()


async def pid(client: ScheddClient) -> int:
    ((number,),) = await client.rows("pid", ["Pid"])
    assert isinstance(number, int)
    return number


async def test_requests_are_answered_by_one_process_that_is_not_ours(client: ScheddClient) -> None:
    first = await pid(client)
    assert first == await pid(client) == client.worker_pid
    assert first != os.getpid()
    assert "htcondor2" not in sys.modules


async def test_submit(client: ScheddClient) -> None:
    assert await client.submit({"executable": "/bin/sh"}, [{"item": "a"}, {"item": "b"}]) == (12, 0, 2)


async def test_listing_comes_in_parts_and_then_as_changes(client: ScheddClient) -> None:
    rows: list[tuple[object, ...]] = []
    whole = await client.listing("jobs 5000", "APF_PILOT", ("Site", "Expression"), 0, rows.extend)
    assert (whole.whole, whole.total, len(rows)) == (True, 5000, 5000)
    assert rows[3] == ("P3", 2, 5, "S1", None)
    again = await client.listing("jobs 5000", "APF_PILOT", ("Site", "Expression"), whole.version, rows.extend)
    assert (again.whole, again.total, len(rows)) == (False, 5000, 5000)


async def test_history_tells_of_the_wanted_only(client: ScheddClient) -> None:
    rows = await client.history("true", ["APF_PILOT", "ExitCode"], "false", 10, frozenset({"P1", "P3"}), 60)
    assert rows == [("P1", 0), ("P3", 0)]


async def test_tally(client: ScheddClient) -> None:
    assert await client.tally("jobs 5", "Site") == {("S0", 1): 3, ("S1", 2): 2}
    assert await client.tally("jobs 5", "") == {("", 1): 3, ("", 2): 2}
    assert await client.tally("jobs 1", "Expression") == {("", 1): 1}


async def test_actions_that_are_denied_are_told(client: ScheddClient) -> None:
    await client.act("Remove", ["1.0"], "because", 1)
    with pytest.raises(ScheddRefused, match="Remove failed for 1 jobs"):
        await client.act("Remove", ["9.9"], "because", 1)


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("connect", ScheddUnreachable, "Failed to connect to schedd."),
        ("Failed to create job ad, errmsg=no such thing\n", ScheddRefused, "job ad: no such thing"),
        ("Unable to commit transaction, errmsg=SCHEDD:2:not here", ScheddRefused, "SCHEDD:2:not here"),
        ("Unable to commit transaction, ", ScheddSilent, "broke at the commit"),
        ("Unable to commit transaction:", ScheddSilent, "broke at the commit"),
        ("expected next ProcId to be 2, but Schedd says -2", ScheddRefused, "MAX_JOBS_SUBMITTED"),
    ],
)
async def test_what_is_known_after_a_failed_submission(
    client: ScheddClient, text: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        await client.submit({"fail": text}, [{"item": "a"}])


async def test_a_schedd_that_moved_is_located_again(client: ScheddClient) -> None:
    await client.rows("true", ["A"])
    assert await client.rows("moved", ["A"]) == []


async def test_a_submission_that_found_nobody_is_tried_at_the_present_address(client: ScheddClient) -> None:
    await client.rows("true", ["A"])
    assert await client.submit({"fail": "connect once"}, [{"item": "a"}]) == (12, 0, 1)


async def test_failed_queries_say_why(client: ScheddClient) -> None:
    with pytest.raises(ScheddUnreachable, match="did not answer: some words"):
        await client.rows("fail some words", ["A"])


async def test_nobody_to_ask(fakes: Fakes) -> None:
    for client, told in [
        (fakes.client(collector="down"), "collector down .*Failed communication"),
        (fakes.client(schedd="nobody"), "pool.example.org knows no schedd 'nobody'"),
    ]:
        with pytest.raises(ScheddUnreachable, match=told):
            await client.rows("true", ["A"])
        await client.close()


async def test_missing_bindings_tell_how_to_install_them(fakes: Fakes) -> None:
    fakes.uninstall()
    client = fakes.client()
    with pytest.raises(ScheddUnreachable, match=r"pip install 'autopyfactory\[htcondor\]'"):
        await client.rows("true", ["A"])
    await client.close()


async def test_a_request_that_takes_too_long_costs_the_worker_its_life(fakes: Fakes) -> None:
    client = fakes.client(timeout_s=1)
    before = await pid(client)
    with pytest.raises(ScheddSilent, match="no answer to rows within 1 s"):
        await client.rows("sleep 60", ["A"])
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    assert await pid(client) != before
    await client.close()


async def test_a_worker_that_ends_in_a_request_may_have_done_it(client: ScheddClient) -> None:
    with pytest.raises(ScheddSilent, match="ended in the middle"):
        await client.rows("exit", ["A"])
    assert await client.rows("true", ["A"]) == []


async def test_a_worker_that_was_killed_between_requests_is_replaced(client: ScheddClient) -> None:
    before = await pid(client)
    os.kill(before, signal.SIGKILL)
    await asyncio.sleep(0.2)  # for real: the kernel needs its time to tell
    assert await pid(client) != before


async def test_a_cancelled_caller_leaves_the_next_answer_alone(client: ScheddClient) -> None:
    before = await pid(client)
    call = asyncio.create_task(client.rows("sleep 0.3", ["A"]))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await pid(client) == before


async def test_closing_in_the_middle(client: ScheddClient) -> None:
    await pid(client)
    under_way = asyncio.create_task(client.rows("sleep 60", ["A"]))
    waiting = asyncio.create_task(client.submit({}, [{"item": "a"}]))
    await asyncio.sleep(0.1)
    await client.close()
    with pytest.raises(ScheddSilent):
        await under_way
    with pytest.raises(ScheddUnreachable, match="closed"):
        await waiting
    assert client.worker_pid is None
    await client.close()
    assert await client.rows("true", ["A"]) == [], "a closed client starts again when asked"


async def test_the_event_loop_goes_on_while_the_schedd_works(client: ScheddClient) -> None:
    await pid(client)
    working = asyncio.create_task(client.listing("jobs 50000", "APF_PILOT", ("Site",), 0, lambda rows: None))
    turns = 0
    while not working.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await working).total == 50000
    assert turns > 20


def test_a_worker_ends_with_its_factory(fakes: Fakes, tmp_path: Path) -> None:
    program = """
        import asyncio, os, sys
        from autopyfactory.schedd.client import ScheddClient
        async def main():
            client = ScheddClient("s1", "", environment={}, timeout_s=60)
            await client.rows("true", ["A"])
            working = asyncio.create_task(client.rows("sleep 60", ["A"]))
            await asyncio.sleep(0.2)
            print(client.worker_pid, flush=True)
            os.kill(os.getpid(), 9)
        asyncio.run(main())
    """
    script = tmp_path / "factory.py"
    script.write_text(textwrap.dedent(program))
    told = subprocess.run(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, **fakes.environment},
        check=False,
        timeout=30,
    )
    worker = int(told.stdout)
    deadline = time.monotonic() + 5
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
