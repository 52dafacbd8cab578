"""From the attributes of an ended job to how its pilot ended."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autopyfactory.batch.htcondor_endings import (
    EndedJob,
    action_reason,
    ending,
    endings,
    history_constraint,
    history_end,
)
from autopyfactory.model import EndCause, Ending, FactoryId, PilotId

OURS = FactoryId("ours")
JOB = EndedJob(
    APF_PILOT="P1",
    JobStatus=4,
    ExitBySignal=False,
    ExitCode=0,
    ExitSignal=None,
    RemoteWallClockTime=60.0,
    LastRemoteHost="slot1_1@node7",
    RemoveReason=None,
    JobStartDate=1000,
    JobCurrentStartDate=2000,
    CompletionDate=2060,
    EnteredCurrentStatus=2061,
)
WELL = Ending(
    EndCause.EXIT,
    exit_code=0,
    started_at=datetime.fromtimestamp(2000, UTC),
    ended_at=datetime.fromtimestamp(2060, UTC),
    wall_s=60.0,
    host="node7",
)
REMOVED = JOB._replace(JobStatus=3, ExitCode=None, CompletionDate=0)
REMOVED_AT = datetime.fromtimestamp(2061, UTC)
WAITED = REMOVED._replace(
    JobStartDate=None, JobCurrentStartDate=None, RemoteWallClockTime=0.0, LastRemoteHost=None
)
BY_US = f"{action_reason('Remove', OURS)} (by user apf)"


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (JOB, WELL),
        (JOB._replace(ExitCode=80), replace(WELL, exit_code=80)),
        (
            JOB._replace(ExitBySignal=True, ExitCode=None, ExitSignal=9),
            replace(WELL, cause=EndCause.SIGNAL, exit_code=None, signal=9),
        ),
        (
            REMOVED._replace(RemoveReason=BY_US),
            replace(WELL, cause=EndCause.CANCELLED, exit_code=None, ended_at=REMOVED_AT, reason=BY_US),
        ),
        (
            REMOVED._replace(RemoveReason="via condor_rm (by user root)"),
            replace(
                WELL,
                cause=EndCause.REMOVED,
                exit_code=None,
                ended_at=REMOVED_AT,
                reason="via condor_rm (by user root)",
            ),
        ),
        (WAITED, Ending(EndCause.REMOVED, ended_at=REMOVED_AT)),
    ],
)
def test_how_a_job_ended(job: EndedJob, expected: Ending) -> None:
    assert ending(job, OURS) == expected


def test_another_factorys_cancellation_is_a_removal() -> None:
    job = REMOVED._replace(RemoveReason=action_reason("Remove", FactoryId("theirs")))
    assert ending(job, OURS).cause is EndCause.REMOVED


def test_rows_come_in_the_order_of_the_attributes() -> None:
    assert endings([tuple(JOB)], OURS) == {PilotId("P1"): WELL}


def test_the_history_is_searched_for_a_span_of_ids() -> None:
    pilots = [PilotId("01B"), PilotId("01A"), PilotId("01C")]
    assert history_constraint(OURS, pilots) == (
        'APF_FACTORY == "ours" && APF_PILOT >= "01A" && APF_PILOT <= "01C"'
    )


def test_the_search_ends_at_what_ended_before_the_pilots_were_seen() -> None:
    end = history_end(OURS, 2_000_000)
    assert 'APF_FACTORY =?= "ours"' in end
    assert "CompletionDate < 2000000" in end
    assert "CompletionDate < 1136000" in end, "jobs of others may have stayed in their queue for long"
