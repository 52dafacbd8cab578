"""Names and order in APF 2's message."""

import pytest

from autopyfactory.model import Decision
from autopyfactory.sched.message import apf2_message


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("fill_activated", "Fillactivated"),
        ("max_per_cycle", "MaxPerCycle"),
        ("keep_n_queue_life", "KeepNQueueLife"),
        ("batch status", "batch status"),
        ("gone_since", "gone_since"),
    ],
)
def test_names(rule: str, name: str) -> None:
    assert apf2_message(Decision(rule=rule).then(3, "why")) == f"{name}:in=0,ret=3"


def test_a_comment_comes_first_and_what_is_unknown_is_left_out() -> None:
    decision = Decision(rule="ready").block("why", activated=None, offset=4, comment="no wmsinfo")
    assert apf2_message(decision) == "Ready:comment=no wmsinfo,in=0,offset=4,ret=0"


def test_nothing_decided_says_nothing() -> None:
    assert apf2_message(Decision()) == ""
