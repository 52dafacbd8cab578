"""What pilots carry to report to their factory, and who may see it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from autopyfactory.batch.environment import pilot_environment, pilot_token
from autopyfactory.batch.htcondor_submit import Submitter, items, submit_description, submit_file
from autopyfactory.batch.local_records import Submission
from autopyfactory.model import (
    BatchId,
    FactoryId,
    PilotSpec,
    QueueName,
    TokenExpired,
    TokenInvalid,
    planned_at,
    token,
)
from autopyfactory.testkit.store import pilot_ids

KEY = b"k" * 32
FACTORY = FactoryId("unit")
PILOT = pilot_ids(1)[0]
SPEC = PilotSpec(
    QueueName("q"), Path("/bin/true"), walltime_s=3600, report_url="http://127.0.0.1:1", report_key=KEY
)


def environment(spec: PilotSpec) -> dict[str, str]:
    return pilot_environment(
        spec,
        factory=FACTORY,
        pilot=PILOT,
        batch_id=BatchId("1.0"),
        submit_host="h",
        user="u",
        own_token=pilot_token(spec, FACTORY, PILOT),
    )


def test_a_pilot_that_reports_knows_where_and_proves_who_it_is() -> None:
    carried = environment(SPEC)
    assert carried["APF_REPORT_URL"] == "http://127.0.0.1:1"
    claims = token.verify(KEY, carried["APF_PILOT_TOKEN"], planned_at(PILOT))
    assert (claims.factory, claims.pilot, claims.queue) == ("unit", PILOT, "q")


def test_the_token_outlives_waiting_and_running_and_no_more() -> None:
    end = planned_at(PILOT) + timedelta(days=7, seconds=3600)
    own = pilot_token(SPEC, FACTORY, PILOT)
    token.verify(KEY, own, end - timedelta(seconds=2))
    with pytest.raises(TokenExpired):
        token.verify(KEY, own, end)
    with pytest.raises(TokenInvalid):
        token.verify(b"other", own, planned_at(PILOT))


@pytest.mark.parametrize("spec", [replace(SPEC, report_url=""), replace(SPEC, report_key=None)])
def test_a_pilot_that_does_not_report_carries_nothing_of_it(spec: PilotSpec) -> None:
    assert not {"APF_REPORT_URL", "APF_PILOT_TOKEN"} & environment(spec).keys()


def test_no_secret_is_shown() -> None:
    assert "kkkk" not in repr(SPEC)


def test_htcondor_gets_the_token_apart_from_the_file_that_others_may_read() -> None:
    description = submit_description(SPEC, Submitter(FACTORY, "h", "u"), {}, job_log=True)
    assert "APF_PILOT_TOKEN=$(apf_token)" in description["environment"]
    own = pilot_token(SPEC, FACTORY, PILOT)
    assert items([PILOT], [own]) == [{"apf_pilot": PILOT, "apf_token": own}]
    assert own not in submit_file(description, [PILOT])


def test_local_pilots_are_remembered_with_it() -> None:
    submission = Submission(FACTORY, SPEC, (PILOT,), 0.0)
    told = submission.encode()
    assert Submission.decode(told).spec.report_key == KEY
    del told["report_key"], told["report_url"]
    assert Submission.decode(told).spec.report_key is None
