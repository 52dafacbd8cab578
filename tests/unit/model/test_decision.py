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
