"""The life of a pilot as a monitor sees it: every order of reports, and every length of silence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.monitor import JobDetails, JobReport, JobState, MonitoredJob
from autopyfactory.model.monitor_life import NEXT, BadTransition, aged, due_at, told

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = MonitoredJob("bnl", "1.0", "AGLT2", NOW, JobState.CREATED, NOW, NOW)
ORDER = [JobState.CREATED, JobState.RUNNING, JobState.EXITING, JobState.DONE, JobState.FAULT]

reports = st.builds(
    JobReport,
    state=st.sampled_from(JobState),
    at=st.integers(0, 10_000).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    origin=st.just("192.0.2.1"),
    rc=st.none() | st.integers(-9, 255),
    wrapper=st.sampled_from(["", "w1", "w2"]),
    details=st.builds(JobDetails, stdout=st.sampled_from(["", "o1", "o2"])),
    twice=st.booleans(),
)


@given(st.lists(reports, max_size=12))
def test_a_life_only_goes_forward_and_loses_nothing(said: list[JobReport]) -> None:
    job = JOB
    for report in said:
        try:
            after = told(job, report)
        except BadTransition:
            repeats = report.twice and report.state is job.state
            assert not repeats
            assert report.state not in NEXT[job.state]
            continue
        assert ORDER.index(after.state) >= ORDER.index(job.state)
        assert after.heard_at >= job.heard_at
        assert after.rc is not None or job.rc is None
        assert after.details.stdout == (job.details.stdout or report.details.stdout)
        job = after
    assert (job.state is JobState.FAULT) == (due_at(job) is None and job.state is not JobState.DONE)


@given(st.sampled_from(JobState), st.integers(0, 200 * 60), st.integers(0, 200 * 60))
def test_silence_ends_every_life_and_never_brings_one_back(state: JobState, flag: int, passed: int) -> None:
    job = replace(JOB, state=state, flagged_at=NOW + timedelta(minutes=flag) if flag % 2 else None)
    now = NOW + timedelta(minutes=passed)
    after, words = aged(job, now)
    assert (after == job) == (not words)
    assert ORDER.index(after.state) >= ORDER.index(job.state)
    due = due_at(job)
    assert bool(words) == (due is not None and due <= now)
    for _ in range(3):
        after, _ = aged(after, (due_at(after) or now) + HOUR)
    assert after.state.is_final


@pytest.mark.parametrize(
    ("state", "hours", "expected", "flagged"),
    [
        (JobState.CREATED, 5.9, JobState.CREATED, False),
        (JobState.CREATED, 6, JobState.CREATED, True),
        (JobState.RUNNING, 71.9, JobState.RUNNING, False),
        (JobState.RUNNING, 72, JobState.RUNNING, True),
        (JobState.EXITING, 0.49, JobState.EXITING, False),
        (JobState.EXITING, 0.5, JobState.DONE, False),
        (JobState.DONE, 10_000, JobState.DONE, False),
        (JobState.FAULT, 10_000, JobState.FAULT, False),
    ],
)
def test_how_long_is_too_long(state: JobState, hours: float, expected: JobState, *, flagged: bool) -> None:
    after, _ = aged(replace(JOB, state=state), NOW + hours * HOUR)
    assert (after.state, after.flagged_at is not None) == (expected, flagged)


@pytest.mark.parametrize(("hours", "expected"), [(29.9, JobState.CREATED), (30, JobState.FAULT)])
def test_a_flagged_pilot_that_stays_silent_is_given_up(hours: float, expected: JobState) -> None:
    flagged, _ = aged(JOB, NOW + 6 * HOUR)
    assert aged(flagged, NOW + hours * HOUR)[0].state is expected
    started = told(flagged, JobReport(JobState.RUNNING, NOW + 7 * HOUR, ""))
    assert started.flagged_at is None
    assert aged(started, NOW + 31 * HOUR)[0] == started
