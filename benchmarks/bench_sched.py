"""How long rules take: queue decisions through the documented chain of seven rules."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter, process_time

from autopyfactory.api import ChainStep
from autopyfactory.model import JobCounts, PilotCounts, QueueName, QueueState, SiteStatus
from autopyfactory.sched.chain import run_chain
from autopyfactory.sched.max_pending import MaxPending
from autopyfactory.sched.max_per_cycle import MaxPerCycle
from autopyfactory.sched.min_per_cycle import MinPerCycle
from autopyfactory.sched.ready import Ready
from autopyfactory.sched.scale import Scale
from autopyfactory.sched.status_offline import StatusOffline
from autopyfactory.sched.status_test import StatusTest

DECISIONS = 10_000
REPEATS = 3
"""The best one is told: whatever else runs on the machine only ever adds to it."""
CHAIN = (
    ChainStep("ready", Ready(offset=4)),
    ChainStep("scale", Scale(factor=0.5)),
    ChainStep("status_test", StatusTest(pilots=3)),
    ChainStep("max_per_cycle", MaxPerCycle(maximum=100)),
    ChainStep("min_per_cycle", MinPerCycle(minimum=0)),
    ChainStep("max_pending", MaxPending(maximum=25)),
    ChainStep("status_offline", StatusOffline(pilots=1)),
)


def run() -> dict[str, float]:
    states = [
        QueueState(
            name=QueueName(f"queue{i}"),
            observed_at=datetime(2024, 1, 1, tzinfo=UTC),
            jobs=JobCounts(ready=i % 300),
            pilots=PilotCounts(pending=i % 40, running=8),
            site_status=SiteStatus.ONLINE,
        )
        for i in range(DECISIONS)
    ]
    wall_s, cpu_s = (min(times) for times in zip(*(_pass(states) for _ in range(REPEATS)), strict=True))
    what = f"seconds for {DECISIONS} decisions of {len(CHAIN)} rules"
    return {what: wall_s, f"CPU {what}": cpu_s, "decisions per second": DECISIONS / wall_s}


def _pass(states: Sequence[QueueState]) -> tuple[float, float]:
    wall_s, cpu_s = perf_counter(), process_time()
    for state in states:
        run_chain(CHAIN, state)
    return perf_counter() - wall_s, process_time() - cpu_s
