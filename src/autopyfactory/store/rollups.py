"""What each cycle adds to the sums over time."""

from functools import cache

from sqlalchemy import Connection, Dialect, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from autopyfactory.model import CycleRecord
from autopyfactory.store.rollup_tables import HOURS_S, MINUTES_S, STEPS_S, rollups
from autopyfactory.store.rows import Row, bounded, to_us

_US = 1_000_000
_STEPS_AT_ONCE = 6
"""Of each there are as many rows as queues."""
_KEY = ("step_s", "at", "queue")
_COLUMNS = tuple(column.name for column in rollups.c)


def add_to_rollups(connection: Connection, cycle: CycleRecord) -> None:
    """Add a cycle to the sums of every step; in one statement, since each cycle does it."""
    connection.exec_driver_sql(_adding(connection.dialect.name), _row(cycle))


def prune_rollups(connection: Connection, pilots_before_us: int, cycles_before_us: int) -> bool:
    """Forget a slice of what is old, fine sums with the cycles and those of hours with the pilots.

    Returns whether there was any.
    """
    found = False
    for step_s, before_us in ((MINUTES_S, cycles_before_us), (HOURS_S, pilots_before_us)):
        of_step = rollups.c.step_s == step_s
        oldest = connection.scalar(select(func.min(rollups.c.at)).where(of_step))
        if oldest is not None and oldest < before_us:
            until = min(before_us, oldest + _STEPS_AT_ONCE * step_s * _US)
            connection.execute(delete(rollups).where(of_step, rollups.c.at < until))
            found = True
    return found


def _row(cycle: CycleRecord) -> Row:
    """Return what a cycle adds, for one step after the other."""
    us, queue, ready, pilots = (
        to_us(cycle.at),
        bounded(cycle.queue),
        cycle.state.jobs.ready,
        cycle.state.pilots,
    )
    known = (0, 0) if pilots is None else (pilots.waiting, pilots.running)
    numbers = (1, int(ready is not None), ready or 0, int(pilots is not None), *known, cycle.planned)
    row: Row = ()
    for step_s in STEPS_S:
        row += (step_s, us - us % (step_s * _US), queue, *numbers)
    return row


@cache
def _adding(dialect_name: str) -> str:
    dialect: Dialect = sqlite.dialect()
    insert = sqlite.insert
    if dialect_name != "sqlite":
        dialect = psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
        insert = postgresql.insert  # type: ignore[assignment]  # which is written alike
    adding = insert(rollups).values([dict.fromkeys(_COLUMNS) for _ in STEPS_S])
    sums = {name: rollups.c[name] + adding.excluded[name] for name in _COLUMNS if name not in _KEY}
    return str(adding.on_conflict_do_update(index_elements=_KEY, set_=sums).compile(dialect=dialect))
