"""Runs a chain of rules on what is known of a queue."""

from collections.abc import Sequence

from autopyfactory.api import ChainStep
from autopyfactory.model import Decision, QueueState


def run_chain(steps: Sequence[ChainStep], state: QueueState) -> Decision:
    """Return the decision of a chain, with one reason for each of its rules, in order.

    Where the batch system gives no number of pilots no rule is asked: caps could not be held.  The decision
    then has one reason, of ``batch status``.  What a rule raises, passes through.
    """
    if state.pilots is None:
        unknown = Decision(rule="batch status")
        return unknown.block("the batch system gives no number of pilots: no cap could be held")
    decision = Decision()
    for name, rule in steps:
        decision = rule(state, decision.under(name))
    return decision
