"""ATLAS wrappers' datagrams: what they tell, and what is passed over without a word."""

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_world import MonitorServer, free_port
from web_world import NOW

from autopyfactory.api import WebStore
from autopyfactory.model.monitor import FactoryCard, JobDetails, JobState, LabelCard, MonitoredJob
from autopyfactory.web.monitor.datagrams import parsed

LINE = b"20260101a bnl:7.0 running 0 AGLT2 ce.example.org harv 42 http://out"


def test_every_word_has_its_place() -> None:
    found = parsed(LINE, NOW, "192.0.2.1")
    assert found is not None
    factory, cid, report = found
    assert (factory, cid, report.state, report.wrapper) == ("bnl", "7.0", JobState.RUNNING, "20260101a")
    assert report.details == JobDetails("42", "AGLT2", "ce.example.org", stdout="http://out")
    found = parsed(b"v bnl:7.0 fault 12   harv  http://out\n", NOW, "")
    assert found is not None
    assert (found[2].state, found[2].details) == (JobState.FAULT, JobDetails(stdout="http://out"))


@pytest.mark.parametrize(
    "line", [b"", b"\xff\xfe", b"v bnl running 0", b"v bnl:7.0 done 0", b"v :7.0 running 0"]
)
def test_what_is_no_line(line: bytes) -> None:
    assert parsed(line, NOW, "") is None


@given(st.binary(max_size=4000))
def test_any_bytes_do_no_harm(line: bytes) -> None:
    found = parsed(line, NOW, "")
    assert found is None or found[2].state in (JobState.RUNNING, JobState.EXITING, JobState.FAULT)


@pytest.fixture
async def udp(tmp_path: Path) -> tuple[MonitorServer, int]:
    return MonitorServer(tmp_path), free_port()


def send(port: int, *lines: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for line in lines:
            sender.sendto(line, ("127.0.0.1", port))


async def with_one_pilot(store: WebStore) -> None:
    await store.put_factory(FactoryCard("bnl"), NOW, None)
    await store.put_labels([LabelCard("bnl", "AGLT2")], NOW)
    await store.put_jobs([MonitoredJob("bnl", "7.0", "AGLT2", NOW, JobState.CREATED, NOW, NOW)])


async def state_becomes(store: WebStore, state: JobState) -> bool:
    for _ in range(200):
        found = await store.monitored_job("bnl", "7.0")
        if found is not None and found[0].state is state:
            return True
        await asyncio.sleep(0.01)  # the line is on its way through the kernel
    return False


async def test_lines_move_a_pilot_on_and_others_are_passed_over(udp: tuple[MonitorServer, int]) -> None:
    server, port = udp
    async with server.serving(udp_port=port) as store:
        await with_one_pilot(store)
        send(port, b"\xff" * 3000, b"nonsense", b"v bnl:9.9 running 0", b"v bnl:7.0 exiting 3", LINE, LINE)
        assert await state_becomes(store, JobState.RUNNING)
        send(port, b"v bnl:7.0 exiting 60 AGLT2 ce harv 42 http://out")
        assert await state_becomes(store, JobState.EXITING)


async def test_lines_from_networks_that_are_not_named_are_passed_over(
    udp: tuple[MonitorServer, int], caplog: pytest.LogCaptureFixture
) -> None:
    server, port = udp
    async with server.serving(networks="192.0.2.0/24", udp_port=port) as store:
        await with_one_pilot(store)
        send(port, LINE)
        for _ in range(100):
            if "not named" in caplog.text:
                break
            await asyncio.sleep(0.01)
        found = await store.monitored_job("bnl", "7.0")
    assert "1 datagrams were passed over from networks that are not named" in caplog.text
    assert found is not None
    assert found[0].state is JobState.CREATED
