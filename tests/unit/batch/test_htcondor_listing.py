"""What is kept from listing to listing equals what a whole listing would give."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.batch.htcondor_listing import DETAILS, Draft, Listing, live_jobs, machine, waiting_among
from autopyfactory.model import BatchId, BatchStatus, FactoryId, PilotId, PilotState, QueueName
from autopyfactory.schedd.changes import Changes, Row, Summary

NAMES = ("P0", "P1", "P2", "P3", "P4")
Ad = dict[str, object]


def ad(pilot: str, status: int, since: int, now: int = 1000) -> Ad:
    ad: Ad = {
        "APF_PILOT": pilot,
        "JobStatus": status,
        "EnteredCurrentStatus": since,
        "ClusterId": 7,
        "ProcId": NAMES.index(pilot),
        "APF_QUEUE": "Q",
        "ServerTime": now,
    }
    if status == 2:
        ad["RemoteHost"] = "slot1_3@node7.example.org"
    if status == 5:
        ad["HoldReason"] = "for a reason"
    return ad


def ask(worker: Changes, listing: Listing, ads: Sequence[Ad], answered: bool = True) -> bool:
    """Do one listing; where it is not answered the worker told it all the same."""
    draft = Draft()
    summary: Summary | None = None
    for part in worker.tell(ads, listing.basis):
        if isinstance(part, Summary):
            summary = part
        else:
            draft.take(part)
    assert summary is not None
    return not answered or listing.finish(draft, summary)


@pytest.mark.parametrize(
    ("status", "state", "host", "reason"),
    [
        (0, PilotState.PENDING, "", ""),
        (1, PilotState.PENDING, "", ""),
        (2, PilotState.RUNNING, "node7.example.org", ""),
        (5, PilotState.HELD, "", "for a reason"),
        (6, PilotState.RUNNING, "", ""),
        (7, PilotState.RUNNING, "", ""),
    ],
)
def test_job_status_to_pilot(status: int, state: PilotState, host: str, reason: str) -> None:
    listing = Listing()
    assert ask(Changes("APF_PILOT", DETAILS), listing, [ad("P3", status, 900)])
    since = datetime.fromtimestamp(900, UTC)
    told = BatchStatus(state, BatchId("7.3"), QueueName("Q"), since, host, reason)
    assert listing.pilots == {PilotId("P3"): told}


def test_an_unchanged_pilot_keeps_its_object() -> None:
    worker, listing = Changes("APF_PILOT", DETAILS), Listing()
    ask(worker, listing, [ad("P0", 1, 900), ad("P1", 1, 900)])
    before = listing.pilots
    ask(worker, listing, [ad("P0", 1, 900), ad("P1", 2, 950)])
    assert listing.pilots["P0"] is before["P0"]  # type: ignore[index]
    assert before[PilotId("P1")].state is PilotState.PENDING, "a listing given out never changes"


def test_when_a_pilot_was_seen_last() -> None:
    worker, listing = Changes("APF_PILOT", DETAILS), Listing()
    ask(worker, listing, [ad("P0", 1, 900, now=1000), ad("P1", 1, 900, now=1000)])
    ask(worker, listing, [ad("P1", 1, 900, now=1120)])
    assert listing.last_seen(PilotId("P0")) == 1000
    assert listing.last_seen(PilotId("P1")) is None
    listing.basis = 0
    ask(worker, listing, [])
    assert listing.last_seen(PilotId("P1")) == 1120


def test_a_listing_that_does_not_add_up_is_asked_for_anew() -> None:
    worker, listing = Changes("APF_PILOT", DETAILS), Listing()
    ask(worker, listing, [ad("P0", 1, 900)])
    kept = listing.pilots
    assert not listing.finish(Draft(), Summary(listing.basis + 1, False, [], 2, 1000))
    assert listing.pilots is kept
    assert listing.basis == 0
    assert ask(worker, listing, [ad("P0", 1, 900), ad("P1", 1, 900)])
    assert set(listing.pilots) == {"P0", "P1"}


jobs = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.sampled_from([1, 2, 5]), st.integers(0, 3)))
steps = st.lists(st.tuples(jobs, st.sampled_from(["answered", "lost", "new worker"])), max_size=12)


@given(steps)
def test_changes_add_up_to_the_whole(steps: list[tuple[dict[str, tuple[int, int]], str]]) -> None:
    worker, listing = Changes("APF_PILOT", DETAILS), Listing()
    for jobs, fate in steps:
        ads = [ad(pilot, status, since) for pilot, (status, since) in jobs.items()]
        if fate == "new worker":
            worker = Changes("APF_PILOT", DETAILS)
        assert ask(worker, listing, ads, answered=fate != "lost")
        if fate != "lost":
            whole = Listing()
            ask(Changes("APF_PILOT", DETAILS), whole, ads)
            assert listing.pilots == whole.pilots


def test_large_listings_come_in_parts() -> None:
    worker = Changes("APF_PILOT", ())
    ads = [{"APF_PILOT": f"P{n}", "JobStatus": 1, "EnteredCurrentStatus": 5} for n in range(4500)]
    *parts, summary = worker.tell(ads, 0)
    rows: list[Row] = [row for part in parts if isinstance(part, list) for row in part]
    assert len(parts) > 2
    assert len(rows) == 4500
    assert isinstance(summary, Summary)
    assert (summary.whole, summary.total) == (True, 4500)


@pytest.mark.parametrize(
    ("slot", "name"),
    [
        ("slot1_2@node7", "node7"),
        ("slot1@glidein_1_2@node7", "glidein_1_2@node7"),
        ("node7", "node7"),
        ("pilot@node7", "pilot@node7"),
        (None, ""),
    ],
)
def test_machine_of_a_slot(slot: str | None, name: str) -> None:
    assert machine(slot) == name


def test_the_factorys_name_is_quoted() -> None:
    assert 'APF_FACTORY == "a\\"b\\\\"' in live_jobs(FactoryId('a"b\\'))


def test_waiting_jobs_are_named_by_runs_of_ids() -> None:
    jobs = [BatchId(job) for job in ("7.10", "7.2", "7.3", "8.4", "7.9")]
    runs = [
        "ClusterId == 7 && ProcId >= 2 && ProcId <= 3",
        "ClusterId == 7 && ProcId >= 9 && ProcId <= 10",
        "ClusterId == 8 && ProcId >= 4 && ProcId <= 4",
    ]
    assert waiting_among(jobs) == [f"(JobStatus == 1 || JobStatus == 5) && ({' || '.join(runs)})"]
    assert waiting_among([]) == []


@given(st.sets(st.tuples(st.integers(1, 60), st.integers(0, 5))))
def test_runs_of_ids_name_just_these_jobs(jobs: set[tuple[int, int]]) -> None:
    constraints = waiting_among([BatchId(f"{cluster}.{proc}") for cluster, proc in jobs])
    named = set()
    for run in re.findall(r"ClusterId == (\d+) && ProcId >= (\d+) && ProcId <= (\d+)", " ".join(constraints)):
        cluster, first, last = map(int, run)
        named |= {(cluster, proc) for proc in range(first, last + 1)}
    assert named == jobs
