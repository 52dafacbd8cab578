from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from autopyfactory.board import queue
from autopyfactory.board.database import Database, metadata
from autopyfactory.board.jobs import FINAL, LEASED, JobSpec, JobState, JobStatus
from autopyfactory.board.queue import Handout, JobReport, Room

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
LEASE = timedelta(seconds=120)
LATE = NOW + LEASE + timedelta(seconds=1)


class Desk:
    """The queue with short calls."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def submit(self, **wanted: Any) -> int:
        spec = JobSpec(**{"queue": "Q", "command": "true", **wanted})
        return queue.submit(self._connection, [spec], NOW)[0]

    def acquire(self, n: int = 1, at: datetime = NOW, queue_name: str = "Q", **room: Any) -> list[Handout]:
        return queue.acquire(self._connection, queue_name, n, Room(**room), "node", at, LEASE)

    def say(self, job_id: int, status: str, attempt: int | None = None, **more: Any) -> queue.Verdict:
        at = more.pop("at", NOW)
        said = JobReport(job_id, JobStatus(status), attempt, **more)
        return queue.report(self._connection, said, at, LEASE)

    def expire(self, at: datetime) -> int:
        return queue.expire(self._connection, at)

    def renew(self, at: datetime) -> None:
        queue.renew(self._connection, at, LEASE)

    def kill(self, *ids: int) -> list[bool]:
        return queue.kill(self._connection, ids, NOW)

    def state(self, job_id: int) -> JobState:
        (state,) = queue.states(self._connection, [job_id])
        assert state is not None
        return state


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield Desk(connection)
    engine.dispose()


def ids(handouts: list[Handout]) -> list[int]:
    return [handout.job_id for handout in handouts]


def test_highest_priority_first_then_oldest(desk: Desk) -> None:
    low, high, old, new = (desk.submit(priority=p) for p in (0, 9, 5, 5))
    assert ids(desk.acquire(n=3)) == [high, old, new]
    assert ids(desk.acquire(n=3)) == [low]
    assert desk.acquire() == []


def test_ids_come_in_the_order_of_the_jobs(desk: Desk) -> None:
    specs = [JobSpec(queue="Q", command=f"c{n}") for n in range(50)]
    given_ids = queue.submit(desk._connection, specs, NOW)
    assert [h.spec.command for h in sorted(desk.acquire(n=50), key=lambda h: given_ids.index(h.job_id))] == [
        f"c{n}" for n in range(50)
    ]


def test_a_queue_hands_out_its_own_jobs_alone(desk: Desk) -> None:
    desk.submit(queue="OTHER")
    assert desk.acquire() == []
    assert len(desk.acquire(queue_name="OTHER")) == 1


@pytest.mark.parametrize(
    ("room", "fits"),
    [
        ({}, {"small", "big", "wide"}),
        ({"memory_mb": 1000}, {"small", "wide"}),
        ({"memory_mb": 999}, set()),
        ({"cores": 4}, {"small", "big"}),
        ({"cores": 8, "memory_mb": 9000}, {"small", "big", "wide"}),
        ({"multicore": False}, {"small", "big"}),
        ({"multicore": True}, {"wide"}),
    ],
)
def test_a_pilot_gets_what_fits(desk: Desk, room: dict[str, Any], fits: set[str]) -> None:
    desk.submit(name="small", memory_mb=1000)
    desk.submit(name="big", memory_mb=8000)
    desk.submit(name="wide", memory_mb=1000, cores=8)
    assert {handout.spec.name for handout in desk.acquire(n=9, **room)} == fits


def test_the_way_of_a_good_job(desk: Desk) -> None:
    job = desk.submit()
    assert desk.state(job).status is JobStatus.ACTIVATED
    (handout,) = desk.acquire()
    assert (handout.job_id, handout.attempt) == (job, 1)
    assert desk.state(job).status is JobStatus.SENT
    assert desk.say(job, "running", 1) == queue.Verdict()
    assert desk.say(job, "finished", 1, exit_code=0, result='{"pi": 3}') == queue.Verdict()
    assert desk.state(job) == JobState(
        job_id=job,
        status=JobStatus.FINISHED,
        command=None,
        attempt=1,
        exit_code=0,
        diag="",
        result='{"pi": 3}',
    )


def test_finished_is_final_and_may_be_said_twice(desk: Desk) -> None:
    job = desk.submit()
    desk.acquire()
    desk.say(job, "finished", 1, result="first")
    assert desk.say(job, "finished", 1, result="second") == queue.Verdict()
    assert desk.state(job).result == "first"
    verdict = desk.say(job, "failed", 1)
    assert verdict.kill
    assert verdict.refused == f"job {job} is already finished"
    assert desk.state(job).status is JobStatus.FINISHED
    assert desk.expire(LATE) == 0


def test_a_failure_is_tried_again_until_the_attempts_are_spent(desk: Desk) -> None:
    job = desk.submit(max_attempts=2)
    desk.acquire()
    desk.say(job, "failed", 1, exit_code=7, diag="disk full")
    state = desk.state(job)
    assert (state.status, state.attempt, state.exit_code, state.diag) == ("activated", 2, 7, "disk full")
    (again,) = desk.acquire()
    assert again.attempt == 2
    desk.say(job, "failed", 2)
    assert desk.state(job).status is JobStatus.FAILED
    assert desk.acquire() == []


def test_a_silent_pilot_loses_its_job(desk: Desk) -> None:
    job = desk.submit(max_attempts=2)
    desk.acquire()
    assert desk.expire(NOW + LEASE) == 0
    assert desk.expire(LATE) == 1
    state = desk.state(job)
    assert (state.status, state.attempt) == ("activated", 2)
    assert state.diag == "lost: nothing heard from node"
    desk.acquire(at=LATE)
    assert desk.expire(LATE + 2 * LEASE) == 1
    assert desk.state(job).status is JobStatus.FAILED


def test_a_heartbeat_extends_the_lease(desk: Desk) -> None:
    job = desk.submit()
    desk.acquire()
    desk.say(job, "running", 1, at=NOW + LEASE / 2)
    assert desk.expire(LATE) == 0
    assert desk.expire(LATE + LEASE / 2) == 1


def test_after_an_absence_of_the_board_leases_start_anew(desk: Desk) -> None:
    job = desk.submit()
    desk.acquire()
    desk.renew(LATE)
    assert desk.expire(LATE) == 0
    assert desk.say(job, "finished", 1, at=LATE) == queue.Verdict()
    desk.renew(LATE)
    assert desk.expire(LATE + 9 * LEASE) == 0


@pytest.mark.parametrize("status", ["running", "finished", "failed"])
def test_a_superseded_attempt_is_refused(desk: Desk, status: str) -> None:
    job = desk.submit()
    desk.acquire()
    desk.expire(LATE)
    desk.acquire(at=LATE)
    verdict = desk.say(job, status, 1)
    assert verdict.kill
    assert verdict.refused == f"attempt 1 of job {job} was given up; the present one is 2"
    assert desk.state(job).status is JobStatus.SENT
    assert not desk.say(job, "finished", 2).refused


def test_reports_on_jobs_that_nobody_holds_are_refused(desk: Desk) -> None:
    job = desk.submit()
    assert desk.say(job, "running", 1).refused == f"job {job} waits in the queue: acquire it first"
    assert desk.say(12345, "running").refused == "job 12345 is not on this board"
    assert desk.state(job).status is JobStatus.ACTIVATED


def test_a_report_without_attempt_means_the_present_one(desk: Desk) -> None:
    job = desk.submit()
    desk.acquire()
    assert desk.say(job, "finished") == queue.Verdict()


def test_kill_ends_a_waiting_job_at_once(desk: Desk) -> None:
    job = desk.submit()
    assert desk.kill(job, 999) == [True, False]
    assert desk.state(job).status is JobStatus.CANCELLED
    assert desk.acquire() == []
    assert desk.kill(job) == [False]


@pytest.mark.parametrize(
    ("end", "status"), [("failed", JobStatus.CANCELLED), ("finished", JobStatus.FINISHED)]
)
def test_kill_of_a_running_job_is_told_to_its_pilot(desk: Desk, end: str, status: JobStatus) -> None:
    job = desk.submit()
    desk.acquire()
    assert desk.kill(job) == [True]
    assert desk.state(job).command == "tobekilled"
    assert desk.say(job, "running", 1) == queue.Verdict(kill=True)
    assert not desk.say(job, end, 1).refused
    assert desk.state(job).status is status
    assert desk.state(job).command is None


def test_a_killed_job_with_a_silent_pilot_is_cancelled(desk: Desk) -> None:
    job = desk.submit()
    desk.acquire()
    desk.kill(job)
    desk.expire(LATE)
    assert desk.state(job).status is JobStatus.CANCELLED


def test_listing_pages_from_the_newest(desk: Desk) -> None:
    made = [desk.submit(queue="AB"[n % 2]) for n in range(5)]

    def page(**which: Any) -> list[int]:
        wanted = {"queue": None, "status": None, "before": None, "limit": 2, **which}
        return [job.job_id for job in queue.listing(desk._connection, **wanted)]

    assert page() == [made[4], made[3]]
    assert page(before=made[3]) == [made[2], made[1]]
    assert page(before=made[1]) == [made[0]]
    assert page(queue="A", limit=9) == [made[4], made[2], made[0]]
    desk.acquire(queue_name="A")
    assert page(queue="A", limit=9, status=JobStatus.SENT) == [made[0]]


def test_counts_by_queue_width_and_status(desk: Desk) -> None:
    for cores in (1, 1, 8):
        desk.submit(cores=cores)
    desk.submit(queue="OTHER")
    desk.acquire(cores=1)
    found = queue.counts(desk._connection)
    assert set(found) == {("Q", False), ("Q", True), ("OTHER", False)}
    assert {s: n for s, n in found["Q", False].items() if n} == {"sent": 1, "activated": 1}
    assert set(found["Q", True]) == set(JobStatus)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["acquire", "running", "finished", "failed", "late", "kill"]), st.integers(0, 7)
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_whatever_pilots_do_the_life_of_a_job_stays_lawful(actions: list[tuple[str, int]]) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        desk = Desk(connection)
        jobs = [desk.submit(max_attempts=2) for _ in range(3)]
        handed: list[Handout] = []
        ended: dict[int, JobStatus] = {}
        time = NOW
        do: dict[str, Callable[[Handout], object]] = {
            "running": lambda h: desk.say(h.job_id, "running", h.attempt, at=time),
            "finished": lambda h: desk.say(h.job_id, "finished", h.attempt, at=time),
            "failed": lambda h: desk.say(h.job_id, "failed", h.attempt, at=time),
            "kill": lambda h: desk.kill(h.job_id),
        }
        for action, which in actions:
            if action == "acquire":
                handed += desk.acquire(at=time)
            elif action == "late":
                time += LEASE + timedelta(seconds=1)
                desk.expire(time)
            elif handed:
                do[action](handed[which % len(handed)])
            for job in jobs:
                state = desk.state(job)
                assert 1 <= state.attempt <= 2
                assert state.status in FINAL | LEASED | {JobStatus.ACTIVATED}
                assert ended.get(job, state.status) is state.status, "a final status never changes"
                if state.status.is_final:
                    ended[job] = state.status
        attempts = [(handout.job_id, handout.attempt) for handout in handed]
        assert len(set(attempts)) == len(attempts), "an attempt is handed out once"
    engine.dispose()


async def test_the_same_through_a_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "b.db")
    made = await database.run(lambda c: queue.submit(c, [JobSpec(queue="Q", command="x")], NOW))
    await database.close()
    database = Database(tmp_path / "b.db")
    states = await database.run(lambda c: queue.states(c, made))
    await database.close()
    assert [state.status for state in states if state] == [JobStatus.ACTIVATED]
