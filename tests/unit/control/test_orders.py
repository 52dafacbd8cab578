"""Operators hold queues back, and the factory heeds it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.api import StoreUnavailable
from autopyfactory.control.orders import Orders
from autopyfactory.model import Override, OverrideKind, PilotId, QueueName, Retirement
from autopyfactory.testkit.store import pilot_ids

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AGLT2, BNL = QueueName("AGLT2"), QueueName("BNL")
DRAINED = Override(AGLT2, OverrideKind.DRAINED, "ann", NOW, "disk")
DOWNTIME = Override(BNL, OverrideKind.DOWNTIME, "ann", NOW, until=NOW + timedelta(hours=1))


class Desk:
    """Tells overrides, or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.told: dict[QueueName, Override] = {AGLT2: DRAINED, BNL: DOWNTIME}
        self.going: dict[PilotId, Retirement] = {}
        self.error: StoreUnavailable | None = None

    async def overrides(self) -> Mapping[QueueName, Override]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return dict(self.told)

    async def retirements(self) -> Mapping[PilotId, Retirement]:
        return dict(self.going)


async def test_one_reading_serves_all_queues_of_a_round() -> None:
    desk = Desk()
    orders = Orders(desk)
    await asyncio.gather(*(orders.refresh(NOW) for _ in range(10)))
    assert desk.asked == 1
    assert orders.holds_back(AGLT2, NOW) == "drained by ann: disk"
    assert orders.holds_back(QueueName("other"), NOW) == ""


async def test_a_downtime_ends_by_itself() -> None:
    orders = Orders(Desk())
    await orders.refresh(NOW)
    assert orders.holds_back(BNL, NOW) == "in downtime until 2026-03-01T13:00+00:00 by ann"
    assert orders.holds_back(BNL, NOW + timedelta(hours=1)) == ""


async def test_a_queue_is_resumed_within_seconds() -> None:
    desk = Desk()
    orders = Orders(desk)
    await orders.refresh(NOW)
    desk.told.clear()
    await orders.refresh(NOW + timedelta(seconds=2))
    assert orders.holds_back(AGLT2, NOW) == ""


async def test_while_the_store_is_away_the_last_word_counts() -> None:
    desk = Desk()
    (pilot,) = pilot_ids(1)
    desk.going[pilot] = Retirement(pilot, NOW, "ann", NOW)
    orders = Orders(desk)
    await orders.refresh(NOW)
    desk.error = StoreUnavailable("locked")
    await orders.refresh(NOW + timedelta(minutes=1))
    assert orders.retirements == desk.going
    assert orders.holds_back(AGLT2, NOW)
    assert not orders.holds_back(QueueName("other"), NOW)


async def test_nothing_is_submitted_before_the_first_word(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.error = StoreUnavailable("locked")
    orders = Orders(desk)
    await orders.refresh(NOW)
    assert orders.holds_back(QueueName("other"), NOW)
    assert "locked" in caplog.text


def test_without_operators_nobody_is_held_back() -> None:
    assert Orders(None).holds_back(AGLT2, NOW) == ""
