"""The chain hands the decision from rule to rule."""

from collections.abc import Callable

from autopyfactory.api import ChainStep
from autopyfactory.model import QueueState
from autopyfactory.sched.chain import run_chain
from autopyfactory.sched.fixed import Fixed
from autopyfactory.sched.max_per_cycle import MaxPerCycle
from autopyfactory.sched.min_per_cycle import MinPerCycle
from autopyfactory.sched.ready import Ready

MakeState = Callable[..., QueueState]


def test_every_rule_gives_a_reason_under_its_own_name(state: MakeState) -> None:
    chain = [ChainStep("ready", Ready()), ChainStep("mine", MaxPerCycle(maximum=3))]
    decision = run_chain(chain, state(ready=9))
    assert [(reason.rule, reason.before, reason.after) for reason in decision.reasons] == [
        ("ready", 0, 9),
        ("mine", 9, 3),
    ]


def test_an_empty_chain_does_nothing(state: MakeState) -> None:
    decision = run_chain([], state(ready=9))
    assert (decision.submit, decision.retire, decision.reasons) == (0, 0, ())


def test_no_rule_is_asked_while_the_batch_status_is_unknown(state: MakeState) -> None:
    decision = run_chain([ChainStep("fixed", Fixed(pilotspercycle=9))], state(pending=None))
    assert decision.blocked
    assert decision.submit == 0
    assert [reason.rule for reason in decision.reasons] == ["batch status"]


def test_a_chain_without_the_wms_works_while_the_wms_is_silent(state: MakeState) -> None:
    chain = [ChainStep("fixed", Fixed(pilotspercycle=9)), ChainStep("max_per_cycle", MaxPerCycle(maximum=3))]
    assert run_chain(chain, state(ready=None)).submit == 3


def test_no_floor_lifts_what_is_unknown(state: MakeState) -> None:
    chain = [ChainStep("ready", Ready()), ChainStep("min_per_cycle", MinPerCycle(minimum=5))]
    decision = run_chain(chain, state(ready=None))
    assert decision.submit == 0
    assert [reason.rule for reason in decision.reasons] == ["ready", "min_per_cycle"]
