"""The plugin tells a real monitor over loopback, also one that was away or has lost its memory."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from monitor_world import MonitorServer
from pydantic import ValidationError
from web_world import NOW, HandClock

from autopyfactory.api import JobFilter, MonitorContext
from autopyfactory.model import BatchId, PilotId, QueueName
from autopyfactory.model.monitor import FactoryCard, JobState, LabelCard
from autopyfactory.monitor import ApfMonitor
from autopyfactory.monitor.settings import ApfMonitorSettings
from autopyfactory.sched.message import apf2_message
from autopyfactory.testkit.monitor import a_decision
from autopyfactory.testkit.store import pilot_ids

AGLT2, CE = QueueName("AGLT2"), QueueName("ce.example.org:9619/condor")
CARD = FactoryCard("bnl", "http://logs.example.org", "ops@example.org", "3.0", "AutoPyFactory")


@pytest.fixture
def server(tmp_path: Path) -> MonitorServer:
    return MonitorServer(tmp_path)


def told_by(server: MonitorServer, clock: HandClock, log_url: str = "", **settings: Any) -> ApfMonitor:
    labels = [LabelCard("bnl", AGLT2, "schedd", "AGLT2_MCORE"), LabelCard("bnl", CE)]
    context = MonitorContext(CARD, labels, apf2_message, clock, log_url)
    return ApfMonitor(ApfMonitorSettings(url=server.url, **settings), context)


@pytest.fixture
async def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def monitor(server: MonitorServer, clock: HandClock) -> AsyncIterator[ApfMonitor]:
    monitor = told_by(server, clock)
    yield monitor
    await monitor.close()


def pilots(*numbers: int) -> dict[PilotId, BatchId]:
    return {PilotId(f"{n:026}"): BatchId(f"{n}.0") for n in numbers}


async def test_factory_queues_pilots_and_traces_arrive(server: MonitorServer, monitor: ApfMonitor) -> None:
    async with server.serving() as store:
        monitor.cycle(a_decision(CE, 7))
        monitor.cycle(a_decision(CE, 3))
        monitor.submitted(CE, pilots(1, 2, 3))
        assert await monitor.once() == 10
        (factory,) = await store.monitored_factories()
        assert (factory.card.email, factory.card.kind, factory.card.ip) == (
            "ops@example.org", "AutoPyFactory", "127.0.0.1",
        )  # fmt: skip
        aglt2, ce = await store.monitored_labels("bnl")
        assert aglt2.label.card == LabelCard("bnl", AGLT2, "schedd", "AGLT2_MCORE")
        assert [message.text for message in ce.label.messages] == ["Ready:in=0,activated=3,ret=3"]
        assert ce.jobs == {JobState.CREATED: 3}
        found = await store.monitored_job("bnl", "2.0")
        assert found is not None
        assert found[0].details.workerid == f"{2:026}"


async def test_logs_are_told_where_they_are_served(server: MonitorServer, clock: HandClock) -> None:
    monitor = told_by(server, clock, "http://logs.example.org/pilots/")
    (pilot,) = pilot_ids(1, NOW)
    async with server.serving() as store:
        monitor.submitted(CE, {pilot: BatchId("7.0")})
        await monitor.once()
        found = await store.monitored_job("bnl", "7.0")
    await monitor.close()
    assert found is not None
    log = "http://logs.example.org/pilots/2026-03-01/ce.example.org_9619_condor/7.0"
    assert (found[0].details.stdout, found[0].details.stderr) == (f"{log}.out", f"{log}.err")
    assert found[0].details.joblog == f"{log}.log"


async def test_nothing_is_lost_while_the_monitor_is_away(
    server: MonitorServer, monitor: ApfMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "autopyfactory.monitor"):
        monitor.submitted(AGLT2, pilots(*range(1200)))
        monitor.cycle(a_decision(AGLT2, 1))
        assert [await monitor.once() for _ in range(7)] == [10, 20, 40, 80, 160, 300, 300]
        monitor.submitted(AGLT2, pilots(1200))
        monitor.cycle(a_decision(AGLT2, 2))
        async with server.serving() as store:
            assert await monitor.once() == 10
            assert len(await store.monitored_jobs(JobFilter("bnl", limit=0))) == 1201
            aglt2, _ = await store.monitored_labels("bnl")
            assert [message.text for message in aglt2.label.messages] == ["Ready:in=0,activated=2,ret=2"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_monitor_that_lost_its_memory_is_told_again(
    server: MonitorServer, monitor: ApfMonitor, tmp_path: Path
) -> None:
    async with server.serving():
        monitor.submitted(AGLT2, pilots(1))
        await monitor.once()
    for file in tmp_path.glob("monitor.db*"):
        file.unlink()
    async with server.serving() as store:
        monitor.submitted(AGLT2, pilots(2))
        assert await monitor.once() == 10
        assert [job.cid for job in await store.monitored_jobs(JobFilter())] == ["2.0"]
    for file in tmp_path.glob("monitor.db*"):
        file.unlink()
    async with server.serving() as store:
        monitor.cycle(a_decision(AGLT2))
        await monitor.once()
        assert await store.monitored_factories() == []
        await monitor.once()
        assert len(await store.monitored_labels("bnl")) == 2


async def test_it_presents_itself_now_and_then_and_queues_that_come_up(
    server: MonitorServer, monitor: ApfMonitor, clock: HandClock
) -> None:
    async with server.serving() as store:
        await monitor.once()
        server.clock.at = clock.at = NOW + timedelta(seconds=300)
        monitor.cycle(a_decision(QueueName("new")))
        await monitor.once()
        labels = await store.monitored_labels("bnl", "new")
        assert [len(label.label.messages) for label in labels] == [1]
        server.clock.at = clock.at = NOW + timedelta(seconds=600)
        await monitor.once()
        (factory,) = await store.monitored_factories()
        assert (factory.startup_at, factory.heard_at, factory.traces) == (NOW, clock.at, 1)


async def test_a_monitor_that_forbids_it_is_tried_again(server: MonitorServer, monitor: ApfMonitor) -> None:
    monitor.submitted(AGLT2, pilots(1))
    async with server.serving(networks="192.0.2.0/24") as store:
        await monitor.once()
        assert await monitor.once() == 20
        assert await store.monitored_factories() == []
    async with server.serving() as store:
        assert await monitor.once() == 10
        assert len(await store.monitored_jobs(JobFilter())) == 1


async def test_what_a_monitor_never_takes_is_given_up_and_the_rest_goes_on(
    server: MonitorServer, monitor: ApfMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.serving() as store:
        monitor.submitted(AGLT2, {PilotId("0" * 26): BatchId("bad\n")})
        with caplog.at_level(logging.WARNING, "autopyfactory.monitor"):
            assert await monitor.once() == 10
        assert "refuses 1 pilots" in caplog.text
        monitor.submitted(AGLT2, pilots(1))
        await monitor.once()
        assert [job.cid for job in await store.monitored_jobs(JobFilter())] == ["1.0"]


async def test_of_more_pilots_than_there_is_room_for_the_newest_stay(
    server: MonitorServer, clock: HandClock
) -> None:
    monitor = told_by(server, clock, pilots_kept=2)
    monitor.submitted(AGLT2, pilots(1, 2, 3))
    await monitor.once()
    async with server.serving() as store:
        await monitor.once()
        assert {job.cid for job in await store.monitored_jobs(JobFilter())} == {"2.0", "3.0"}
    await monitor.close()


async def test_the_last_words_are_told_at_the_end(server: MonitorServer, monitor: ApfMonitor) -> None:
    async with server.serving() as store:
        monitor.submitted(AGLT2, pilots(1))
        await monitor.close()
        assert len(await store.monitored_jobs(JobFilter())) == 1


@pytest.mark.parametrize("url", ["ftp://m/api", "http://user@m/api", "http://m/api?x", ""])
def test_urls_that_cannot_be_meant(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        ApfMonitorSettings(url=url)
