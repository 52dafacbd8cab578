"""A process that is stopped in the middle of a change does not keep others from its leases for long."""

import asyncio
import time
from typing import Any

import pytest
from postgres_server import database, needs_postgres
from sqlalchemy import Connection, event

from autopyfactory.api import LeaseLost, Terms
from autopyfactory.model import (
    EndpointHealth,
    FactoryId,
    Pilot,
    PilotId,
    PilotState,
    QueueName,
    Transition,
)
from autopyfactory.store import SqlStore, open_store
from autopyfactory.testkit.store import AGLT2, NOW, a_cycle, pilot_ids

__all__ = ["database"]
pytestmark = needs_postgres
STOPPED_S = 8.0


async def test_locks_of_a_stopped_process_become_free(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = [await open_store(database, FactoryId("test")) for _ in range(2)]
    (pilot,) = pilot_ids(1)
    await mine.claim({AGLT2: None}, "mine")
    locked = asyncio.Event()
    loop = asyncio.get_running_loop()
    add = mine._sql.add_pilots
    stops = [STOPPED_S]

    def stand_still(connection: Connection, rows: object) -> None:
        loop.call_soon_threadsafe(locked.set)
        if stops:
            time.sleep(stops.pop())  # real time: the server's patience is what is tested
        add(connection, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(mine._sql, "add_pilots", stand_still)
    planning = asyncio.create_task(mine.plan_under(Terms(1), a_cycle(planned=1), [pilot], "schedd"))
    await locked.wait()
    monkeypatch.undo()
    assert await _claimed(other, {AGLT2}) == {AGLT2: 2}
    assert not planning.done()
    with pytest.raises(LeaseLost):
        await planning
    assert await other.find([pilot]) == {}
    await mine.close()
    await other.close()


async def test_no_change_is_sent_in_a_pipeline(database: str) -> None:
    """A process that is stopped within one keeps its locks: to the server it is not idle."""
    store = await open_store(database, FactoryId("test"))
    many: list[str] = []

    @event.listens_for(store._database.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *rest: Any) -> None:
        if rest[-1]:
            many.append(statement)

    names = pilot_ids(5)
    await store.claim({AGLT2: None}, "mine")
    await store.plan_under(Terms(1), a_cycle(planned=3), names[:3], "schedd")
    await store.adopt_under({AGLT2: 1}, [a_pilot(name) for name in names[3:]])
    await store.record_under({AGLT2: 1}, [Transition(name, NOW, PilotState.RUNNING) for name in names])
    await store.record_under({AGLT2: 1}, [Transition(name, NOW, PilotState.DONE) for name in names])
    await store.save_health([EndpointHealth(name, NOW) for name in ("wms.panda", "batch.schedd")])
    assert {pilot.state for pilot in (await store.find(names)).values()} == {PilotState.DONE}
    assert not many
    await store.close()


def a_pilot(name: PilotId) -> Pilot:
    return Pilot(name, AGLT2, "schedd", PilotState.PENDING, NOW, NOW)


async def _claimed(store: SqlStore, queues: set[QueueName]) -> dict[QueueName, int]:
    leases = await store.leases()
    return dict(await store.claim({queue: leases[queue] for queue in queues}, "other"))
