"""States of a queue, with numbers as APF 2 names them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from autopyfactory.api import RuleSettings
from autopyfactory.model import Decision, History, JobCounts, PilotCounts, QueueName, QueueState, SiteStatus

NOTHING_KNOWN = History()
NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)


def _state(
    ready: int | None = 0,
    pending: int | None = 0,
    running: int = 0,
    retiring: int = 0,
    status: SiteStatus = SiteStatus.ONLINE,
    just_started: int = 0,
    total: int | None = None,
    history: History = NOTHING_KNOWN,
) -> QueueState:
    return QueueState(
        name=QueueName("Q"),
        observed_at=NOW,
        jobs=JobCounts(ready=ready),
        pilots=None if pending is None else PilotCounts(pending=pending, running=running, retiring=retiring),
        site_status=status,
        just_started=just_started,
        factory_total=total,
        history=history,
    )


def _ask(rule: RuleSettings, state: QueueState, n: int | None = 0) -> Decision:
    """Ask one rule, after an earlier one gave n; None: it is the first."""
    so_far = Decision() if n is None else Decision(rule="before").then(n, "before")
    return rule(state, so_far)


@pytest.fixture
def state() -> Callable[..., QueueState]:
    return _state


@pytest.fixture
def ask() -> Callable[..., Decision]:
    return _ask
