"""A store that fails, or does not confirm: what happened is kept once and in order; plans leave nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopyfactory.api import PilotFilter, StoreUnavailable
from autopyfactory.control.health import HealthBook
from autopyfactory.control.ledger import Ledger
from autopyfactory.control.roster import Roster
from autopyfactory.model import (
    CycleRecord,
    Decision,
    EndCause,
    FactoryId,
    Pilot,
    PilotId,
    PilotIds,
    PilotState,
    QueueName,
    QueueState,
    Transition,
)
from autopyfactory.store import SqlStore, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUEUE = QueueName("BNL")
SITE = "schedd"


class FaultyStore:
    """A store of which single calls fail, before (``fails``) or after (``unconfirmed``) the deed."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.fails: list[str] = []
        self.unconfirmed: list[str] = []
        self.slow: asyncio.Event | None = None

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def call(*given: object) -> object:
            if self.slow is not None and name == "record":
                await self.slow.wait()
            if name in self.fails:
                self.fails.remove(name)
                raise StoreUnavailable("locked")
            result = await getattr(self._store, name)(*given)
            if name in self.unconfirmed:
                self.unconfirmed.remove(name)
                raise StoreUnavailable("connection lost at the commit")
            return result

        return call


class Desk:
    def __init__(self, store: SqlStore) -> None:
        self.real = store
        self.store = FaultyStore(store)
        self.roster = Roster()
        self.ledger = Ledger(self.store, self.roster, HealthBook())  # type: ignore[arg-type]
        self._ids = PilotIds(lambda _: 0)

    async def plan(self, n: int = 1) -> list[PilotId]:
        names = self._ids.make(NOW, n)
        pilots = [Pilot(name, QUEUE, SITE, PilotState.PLANNED, NOW, NOW) for name in names]
        self.roster.add(pilots)
        cycle = CycleRecord(QueueState(QUEUE, NOW), (), Decision(), planned=n)
        await self.ledger.plan(cycle, pilots, SITE)
        return names

    async def record(self, name: PilotId, state: PilotState, minute: int) -> None:
        cause = EndCause.EXIT if state.is_final else None
        await self.ledger.record(
            SITE, [Transition(name, NOW + timedelta(minutes=minute), state, cause=cause)]
        )

    async def states(self, name: PilotId) -> list[PilotState]:
        return [change.after for change in await self.real.transitions(name)]


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(await open_store(f"sqlite:///{tmp_path}/apf.db", FactoryId("test"), inline=True))


@pytest.fixture(autouse=True)
async def _closed(desk: Desk) -> object:
    yield
    await desk.real.close()


async def test_a_change_whose_commit_was_not_confirmed_is_kept_once(desk: Desk) -> None:
    (name,) = await desk.plan()
    desk.store.unconfirmed = ["record"]
    await desk.record(name, PilotState.PENDING, 1)
    assert desk.ledger.trouble
    await desk.record(name, PilotState.RUNNING, 2)
    assert not desk.ledger.trouble
    assert await desk.states(name) == [PilotState.PLANNED, PilotState.PENDING, PilotState.RUNNING]


async def test_a_change_that_was_not_kept_is_written_before_the_next_one(desk: Desk) -> None:
    (name,) = await desk.plan()
    desk.store.fails = ["record"]
    await desk.record(name, PilotState.PENDING, 1)
    await desk.record(name, PilotState.DONE, 2)
    assert await desk.states(name) == [PilotState.PLANNED, PilotState.PENDING, PilotState.DONE]


async def test_a_write_that_fails_late_does_not_overtake_the_next_one(desk: Desk) -> None:
    (name,) = await desk.plan()
    desk.store.slow, desk.store.fails = asyncio.Event(), ["record"]
    first = asyncio.create_task(desk.record(name, PilotState.RUNNING, 1))
    await asyncio.sleep(0)
    second = asyncio.create_task(desk.record(name, PilotState.DONE, 2))
    await asyncio.sleep(0)
    desk.store.slow.set()
    await asyncio.gather(first, second)
    assert await desk.states(name) == [PilotState.PLANNED, PilotState.RUNNING, PilotState.DONE]
    assert await desk.real.live() == []


@pytest.mark.parametrize("again", [[], ["record"]])
async def test_a_plan_that_was_not_confirmed_is_closed_as_never_sent(desk: Desk, again: list[str]) -> None:
    desk.store.unconfirmed = ["plan"]
    with pytest.raises(StoreUnavailable):
        await desk.plan(3)
    assert desk.roster.total() == 0
    desk.store.unconfirmed = again
    await desk.ledger.flush()
    await desk.ledger.flush()
    stored = await desk.real.pilots(PilotFilter())
    assert [(pilot.state, pilot.cause) for pilot in stored] == [(PilotState.FAILED, EndCause.UNSENT)] * 3
    assert await desk.states(stored[0].id) == [PilotState.PLANNED, PilotState.FAILED]


async def test_a_plan_that_was_not_kept_leaves_nothing(desk: Desk) -> None:
    desk.store.fails = ["plan"]
    with pytest.raises(StoreUnavailable):
        await desk.plan(3)
    await desk.ledger.flush()
    assert await desk.real.pilots(PilotFilter()) == []
    assert not desk.ledger.trouble
