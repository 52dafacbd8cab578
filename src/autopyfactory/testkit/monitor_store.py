"""What a store must do for a monitor of factories: a suite to subclass, as `testkit.store` is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from autopyfactory.api import JobFilter, JobsAdded, WebStore
from autopyfactory.model.monitor import (
    MESSAGE_CHARACTERS,
    FactoryCard,
    JobDetails,
    JobReport,
    JobState,
    LabelCard,
    LabelMessage,
    MonitoredJob,
)
from autopyfactory.model.monitor_life import BadTransition
from autopyfactory.testkit.store import MINUTE, NOW

__all__ = ["MonitorOpener", "MonitorStoreContract"]

MonitorOpener = Callable[[], Awaitable[WebStore]]

HOUR = timedelta(hours=1)
BNL = FactoryCard("bnl", "http://logs.example.org", "ops@example.org", "3.0", "AutoPyFactory", "192.0.2.1")
HTML = '<script>alert("1")</script>'


def a_job(cid: str = "1.0", label: str = "AGLT2", factory: str = "bnl") -> MonitoredJob:
    """Return a pilot that is announced."""
    return MonitoredJob(factory, cid, label, NOW, JobState.CREATED, NOW, NOW)


def says(state: JobState, minutes: int = 1) -> JobReport:
    """Return what a wrapper says so many minutes later."""
    return JobReport(state, NOW + minutes * MINUTE, "192.0.2.7")


class MonitorStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> MonitorOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def monitor(self, opener: MonitorOpener) -> AsyncIterator[WebStore]:
        """Return the store with one factory that has two labels."""
        store = await opener()
        await store.put_factory(BNL, NOW, None)
        await store.put_labels([LabelCard("bnl", "AGLT2"), LabelCard("bnl", "ce/BNL:1")], NOW)
        yield store
        await store.close()

    async def test_a_factory_is_new_once_and_then_changes(self, monitor: WebStore) -> None:
        (kept,) = await monitor.monitored_factories()
        assert (kept.card, kept.startup_at, kept.heard_at) == (BNL, NOW, NOW)
        moved = replace(BNL, ip="192.0.2.2", email=HTML)
        assert not await monitor.put_factory(moved, NOW + MINUTE, NOW)
        assert await monitor.put_factory(FactoryCard("cern"), NOW + MINUTE, None)
        assert [f.card.name for f in await monitor.monitored_factories()] == ["bnl", "cern"]
        (kept,) = await monitor.monitored_factories("bnl")
        assert (kept.card, kept.startup_at, kept.heard_at) == (moved, NOW, NOW + MINUTE)
        assert await monitor.monitored_factories("nobody") == []

    async def test_labels_are_kept_of_known_factories_only(self, monitor: WebStore) -> None:
        cards = [LabelCard("bnl", "AGLT2", resource="r"), LabelCard("bnl", "new"), LabelCard("nobody", "x")]
        assert await monitor.put_labels(cards, NOW + MINUTE) == (1, 1)
        assert await monitor.put_labels([LabelCard("bnl", "AGLT2", localqueue="l")], NOW) == (0, 1)
        assert await monitor.put_labels([], NOW) == (0, 0)
        found = await monitor.monitored_labels("bnl")
        assert [one.label.card.name for one in found] == ["AGLT2", "ce/BNL:1", "new"]
        assert found[0].label.card == LabelCard("bnl", "AGLT2", resource="r", localqueue="l")
        assert [one.label.card.name for one in await monitor.monitored_labels(offset=1, limit=1)] == [
            "ce/BNL:1"
        ]
        assert await monitor.monitored_labels("nobody") == []

    async def test_the_last_five_messages_of_a_label(self, monitor: WebStore) -> None:
        for n in range(7):
            text = f"{n}" * 2000 if n == 6 else f"{n} {HTML}"
            message = LabelMessage(NOW + n * MINUTE, "192.0.2.1", text)
            assert await monitor.add_label_message("bnl", "AGLT2", message, '{"a":1}' if n == 3 else "")
        assert not await monitor.add_label_message("bnl", "nowhere", message)
        (found,) = await monitor.monitored_labels("bnl", "AGLT2")
        assert [m.text for m in found.label.messages[:4]] == [f"{n} {HTML}" for n in (2, 3, 4, 5)]
        assert found.label.messages[4].text == "6" * MESSAGE_CHARACTERS
        assert (found.label.heard_at, found.label.data) == (NOW + 6 * MINUTE, '{"a":1}')
        (factory,) = await monitor.monitored_factories()
        assert (factory.traces, factory.heard_at) == (7, NOW + 6 * MINUTE)
        await monitor.put_factory(BNL, NOW + HOUR, NOW + HOUR)
        (factory,) = await monitor.monitored_factories()
        assert (factory.traces, factory.startup_at) == (0, NOW + HOUR)

    async def test_pilots_are_announced_once_and_only_with_known_labels(self, monitor: WebStore) -> None:
        stranger, foreign = a_job("2.0", "nowhere"), a_job("3.0", factory="nobody")
        other = a_job("1.1", "ce/BNL:1")
        added = await monitor.put_jobs([a_job(), stranger, foreign, other, replace(other, ids="again")])
        assert added == JobsAdded(created=2, known=1, skipped=2)
        assert await monitor.put_jobs([a_job()]) == JobsAdded(known=1)
        assert await monitor.put_jobs([]) == JobsAdded()
        found = await monitor.monitored_job("bnl", "1.1")
        assert found == (other, [])
        assert await monitor.monitored_job("bnl", "9.9") is None

    async def test_reports_move_a_pilot_on_and_leave_a_trail(self, monitor: WebStore) -> None:
        details = JobDetails("7", "SITE", "ce", "http://out", "http://err", HTML)
        job = replace(a_job(), details=details)
        await monitor.put_jobs([job])
        running = replace(says(JobState.RUNNING), wrapper="w1", details=JobDetails("8", stdout="other"))
        after = await monitor.report_job("bnl", "1.0", running)
        assert (after.state, after.details, after.wrapper) == (JobState.RUNNING, details, "w1")
        exiting = replace(says(JobState.EXITING, 2), rc=-9, ids=HTML)
        after = await monitor.report_job("bnl", "1.0", exiting)
        found = await monitor.monitored_job("bnl", "1.0")
        assert found is not None
        kept, events = found
        assert kept == after == replace(
            job, state=JobState.EXITING, changed_at=NOW + 2 * MINUTE, heard_at=NOW + 2 * MINUTE,
            rc=-9, wrapper="w1", ids=HTML,
        )  # fmt: skip
        assert [event.text for event in events] == ["created->running", "running->exiting, rc=-9"]
        assert events[0].origin == "192.0.2.7"

    async def test_what_cannot_be_is_refused_and_leaves_nothing(self, monitor: WebStore) -> None:
        await monitor.put_jobs([a_job()])
        with pytest.raises(BadTransition, match="created->exiting"):
            await monitor.report_job("bnl", "1.0", replace(says(JobState.EXITING), rc=0))
        with pytest.raises(KeyError):
            await monitor.report_job("bnl", "9.9", says(JobState.RUNNING))
        assert await monitor.monitored_job("bnl", "1.0") == (a_job(), [])

    async def test_pilots_by_label_and_state_in_pages(self, monitor: WebStore) -> None:
        announced = [replace(a_job(f"{n}.0"), created_at=NOW + n * MINUTE) for n in range(4)]
        await monitor.put_jobs([*announced, a_job("9.0", "ce/BNL:1")])
        await monitor.report_job("bnl", "0.0", says(JobState.RUNNING))
        await monitor.report_job("bnl", "9.0", says(JobState.FAULT))
        waiting = JobFilter("bnl", "AGLT2", JobState.CREATED, limit=2)
        assert [job.cid for job in await monitor.monitored_jobs(waiting)] == ["3.0", "2.0"]
        assert [job.cid for job in await monitor.monitored_jobs(replace(waiting, offset=2))] == ["1.0"]
        assert len(await monitor.monitored_jobs(JobFilter(limit=0))) == 5
        assert await monitor.monitored_jobs(JobFilter("nobody")) == []
        counted = [dict(one.jobs) for one in await monitor.monitored_labels()]
        assert counted == [{JobState.CREATED: 3, JobState.RUNNING: 1}, {JobState.FAULT: 1}]

    async def test_silence_flags_and_ends_pilots_and_what_is_over_is_forgotten(
        self, monitor: WebStore
    ) -> None:
        await monitor.put_jobs([a_job("1.0"), a_job("2.0")])
        await monitor.report_job("bnl", "2.0", says(JobState.RUNNING))
        await monitor.report_job("bnl", "2.0", replace(says(JobState.EXITING, 2), rc=0))
        assert await monitor.age_jobs(NOW + HOUR) == 1
        assert await monitor.age_jobs(NOW + HOUR) == 0
        assert await monitor.age_jobs(NOW + 7 * HOUR) == 1
        found = await monitor.monitored_job("bnl", "1.0")
        assert found is not None
        assert (found[0].state, found[0].flagged_at) == (JobState.CREATED, NOW + 7 * HOUR)
        assert await monitor.age_jobs(NOW + 31 * HOUR, limit=1) == 1
        states = {job.cid: job.state for job in await monitor.monitored_jobs(JobFilter())}
        assert states == {"1.0": JobState.FAULT, "2.0": JobState.DONE}
        assert await monitor.prune_monitored(NOW + 2 * HOUR) == 1
        assert [job.cid for job in await monitor.monitored_jobs(JobFilter())] == ["1.0"]
        assert await monitor.monitored_job("bnl", "2.0") is None

    async def test_texts_are_cut_to_what_databases_take(self, monitor: WebStore) -> None:
        name = "\0" + "n" * 5000
        await monitor.put_factory(FactoryCard(name), NOW, None)
        await monitor.put_labels([LabelCard(name, name)], NOW)
        await monitor.put_jobs([a_job(name, name, name)])
        after = await monitor.report_job(name, name, says(JobState.RUNNING))
        assert after.state is JobState.RUNNING
        assert len(await monitor.monitored_labels(name, name)) == 1
        assert len(await monitor.monitored_factories(name)) == 1
