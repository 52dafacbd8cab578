"""Another schedd's jobs as work: mapping, settings and errors, with stand-ins for the bindings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_bindings import Fakes, fakes
from pydantic import ValidationError

from autopyfactory.api import Context, SystemClock, WmsUnavailable
from autopyfactory.model import FactoryId, JobCounts, WmsQueue
from autopyfactory.wms.htcondor import HTCondorStatus

__all__ = ["fakes"]


def status(fakes: Fakes, **settings: Any) -> HTCondorStatus:
    chosen: Mapping[str, Any] = {"schedd": "s1", "environment": fakes.environment, **settings}
    context = Context(FactoryId("f"), "schedd", Path(), SystemClock())
    return HTCondorStatus(HTCondorStatus.Settings(**chosen), context)


async def test_an_attribute_names_the_queue(fakes: Fakes) -> None:
    wms = status(fakes, queue_attribute="Site", constraint="jobs 5")
    assert await wms.counts() == {
        WmsQueue("S0"): JobCounts(0, 3, 0, 0, 0),
        WmsQueue("S1"): JobCounts(0, 0, 2, 0, 0),
    }
    assert await wms.site_status() == {}
    await wms.close()


async def test_all_jobs_are_one_queue(fakes: Fakes) -> None:
    wms = status(fakes, queue="WORK", constraint="jobs 5")
    assert await wms.counts() == {WmsQueue("WORK"): JobCounts(0, 3, 2, 0, 0)}
    await wms.close()


async def test_the_mapping_can_be_edited(fakes: Fakes) -> None:
    wms = status(fakes, queue="WORK", constraint="jobs 5", mapping={"1": "notready"})
    assert await wms.counts() == {WmsQueue("WORK"): JobCounts(3, 0, 2, 0, 0)}
    await wms.close()


async def test_jobs_without_the_attribute_are_nobodys(fakes: Fakes) -> None:
    wms = status(fakes, queue_attribute="Expression", constraint="jobs 5")
    assert await wms.counts() == {}
    await wms.close()


async def test_a_failed_query_gives_no_numbers(fakes: Fakes) -> None:
    wms = status(fakes, queue="WORK", constraint="fail some words")
    with pytest.raises(WmsUnavailable, match=r"s1: .*some words"):
        await wms.counts()
    await wms.close()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "expected either queue_attribute"),
        ({"queue": "A", "queue_attribute": "B"}, "expected either queue_attribute"),
        ({"queue_attribute": "A B"}, "should match pattern"),
        ({"queue": "A", "mapping": {"9": "ready"}}, "less than or equal to 7"),
        ({"queue": "A", "mapping": {"1": "busy"}}, "'notready', 'ready'"),
        ({"queue": "A", "konstraint": "true"}, "Extra inputs"),
    ],
)
def test_settings_are_checked(settings: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        HTCondorStatus.Settings(**settings)
