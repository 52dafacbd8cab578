"""What every monitor plugin must do: a suite to subclass.

The monitor that it reports to is away during all of it: a plugin must never hold a factory back, nor fail.
"""

import asyncio
from datetime import UTC, datetime

import pytest

from autopyfactory.api import Monitor
from autopyfactory.model import (
    BatchId,
    CycleRecord,
    Decision,
    PilotId,
    QueueName,
    QueueState,
)

__all__ = ["MonitorContract", "a_decision"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUEUE = QueueName("AGLT2")
_ENOUGH_S = 20.0
_AT_ONCE_S = 2.0


def a_decision(queue: QueueName = QUEUE, submit: int = 3) -> CycleRecord:
    """Return a cycle of a queue."""
    decision = Decision().under("ready").then(submit, "as many jobs wait", activated=submit)
    return CycleRecord(QueueState(queue, NOW), (), decision)


class MonitorContract:
    """Subclass it, and override the fixture `away`."""

    @pytest.fixture
    def away(self) -> Monitor:
        """Return a plugin whose monitor does not answer: nobody listens where it is said to be."""
        raise NotImplementedError("override the fixture `away`")

    async def test_noting_returns_at_once_however_much_it_is(self, away: Monitor) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for n in range(10_000):
            away.submitted(QUEUE, {PilotId(f"{n:026}"): BatchId(f"{n}.0")})
            away.cycle(a_decision(QueueName(f"Q{n % 100}")))
        assert loop.time() - start < _AT_ONCE_S
        await away.close()

    async def test_it_goes_on_while_its_monitor_is_away_and_ends_when_cancelled(self, away: Monitor) -> None:
        away.submitted(QUEUE, {PilotId("0" * 26): BatchId("1.0")})
        away.cycle(a_decision())
        running = asyncio.create_task(away.run())
        await asyncio.sleep(0.2)  # several rounds, none of which anybody hears
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await away.close()

    async def test_closing_takes_seconds_at_most_and_twice_is_harmless(self, away: Monitor) -> None:
        away.cycle(a_decision())
        async with asyncio.timeout(_ENOUGH_S):
            await away.close()
            await away.close()
