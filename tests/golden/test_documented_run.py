"""The run that APF 2's documentation shows, number by number and in its own words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopyfactory.api import ChainStep, Kind, find_plugin
from autopyfactory.model import Decision, JobCounts, PilotCounts, QueueName, QueueState, SiteStatus
from autopyfactory.sched.chain import run_chain
from autopyfactory.sched.message import apf2_message

SETTINGS: dict[str, dict[str, object]] = {
    "Ready": {"offset": 4},
    "Scale": {"factor": 0.5},
    "StatusTest": {"pilots": 3},
    "MaxPerCycle": {"maximum": 100},
    "MinPerCycle": {"minimum": 0},
    "MaxPending": {"maximum": 25},
    "StatusOffline": {"pilots": 1},
}


def documented(quirks: bool, status: SiteStatus = SiteStatus.ONLINE) -> Decision:
    chain = []
    for name, settings in SETTINGS.items():
        plugin = find_plugin(Kind.SCHED, name)
        quirk = {"apf2_quirks": quirks} if "apf2_quirks" in plugin.model_fields else {}
        chain.append(ChainStep(name, plugin.model_validate(settings | quirk)))
    state = QueueState(
        name=QueueName("Q"),
        observed_at=datetime(2024, 3, 1, tzinfo=UTC),
        jobs=JobCounts(ready=100),
        pilots=PilotCounts(pending=10, running=8),
        site_status=status,
    )
    return run_chain(chain, state)


@pytest.mark.parametrize("quirks", [False, True])
def test_numbers(quirks: bool) -> None:
    decision = documented(quirks)
    assert [reason.after for reason in decision.reasons] == [86, 43, 43, 43, 43, 15, 15]
    assert (decision.submit, decision.retire) == (15, 0)


@pytest.mark.parametrize("quirks", [False, True])
@pytest.mark.parametrize(("status", "submit"), [(SiteStatus.TEST, 3), (SiteStatus.OFFLINE, 1)])
def test_other_status(quirks: bool, status: SiteStatus, submit: int) -> None:
    assert documented(quirks, status).submit == submit


@pytest.mark.parametrize("quirks", [False, True])
def test_message(quirks: bool) -> None:
    assert apf2_message(documented(quirks)).split(";") == [
        "Ready:in=0,activated=100,offset=4,pending=10,ret=86",
        "Scale:in=86,factor=0.5,ret=43",
        "StatusTest:comment=not test,in=43,ret=43",
        "MaxPerCycle:in=43,maxpercycle=100,ret=43",
        "MinPerCycle:in=43,minpercycle=0,ret=43",
        "MaxPending:in=43,pending=10,maxpending=25,ret=15",
        "StatusOffline:comment=not offline,in=15,ret=15",
    ]


def test_the_documentation_shows_the_same() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/rules.md").read_text(encoding="utf-8")
    assert f"\n{apf2_message(documented(quirks=False))}\n" in text
