"""A number changes only together with its reason, and is never negative."""

from autopyfactory.model import Decision, Reason


def test_negative_numbers_retire() -> None:
    decision = Decision(rule="keep").then(-3, "three too many", running=8)
    assert (decision.submit, decision.retire) == (0, 3)
    assert decision.reasons == (Reason("keep", 0, -3, "three too many", {"running": 8}),)


def test_nothing_raises_a_blocked_decision() -> None:
    decision = Decision(rule="ready").then(7, "seven wait").block("no answer from the WMS")
    raised = decision.then(5, "at least 5")
    assert (raised.submit, raised.retire, raised.blocked) == (0, 0, True)
    assert "otherwise: at least 5" in raised.reasons[-1].why


def test_nothing_lowers_a_blocked_decision_either() -> None:
    decision = Decision(rule="ready").block("no answer from the WMS").then(-8, "keep none")
    assert (decision.submit, decision.retire) == (0, 0)


def test_a_cap_holds_for_later_rules() -> None:
    capped = Decision(rule="max_pending").at_most(3).then(3, "3 more may wait")
    raised = capped.then(10, "at least 10")
    assert raised.submit == 3
    assert raised.reasons[-1].why == "held at 3 by a cap; otherwise: at least 10"


def test_the_lowest_cap_counts_and_leaves_retiring_alone() -> None:
    decision = Decision().at_most(3).at_most(7)
    assert decision.then(10, "ten wait").submit == 3
    assert decision.then(-4, "four too many").retire == 4


def test_how_a_decision_was_capped_is_no_part_of_what_was_decided() -> None:
    assert Decision(submit=2).at_most(2) == Decision(submit=2)
