"""Forgetting what is old, a slice at a time, and giving the space back."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    Connection,
    CursorResult,
    Select,
    Text,
    column,
    delete,
    func,
    select,
    values,
)

from autopyfactory.store.tables import cycles, pilots

_PILOTS_AT_ONCE = 1000
_CYCLES_AT_ONCE = 2000
_PAGES_AT_ONCE = 2000
_RESERVE = 0.05
"""Share of the file that may stay free; what the next day fills again is not worth giving back."""
_RESERVE_PAGES = 250


def queue_names(of: Column[str] = cycles.c.queue) -> CTE:
    """Select the names of the queues that ever had a cycle, or that a column knows, and null after the last.

    A ``DISTINCT`` would read every row of the index; this hops from queue to queue.
    """
    hop = select(func.min(of).label("queue")).cte("hop", recursive=True)
    onward = select(func.min(of)).where(of > hop.c.queue).scalar_subquery()
    return hop.union_all(select(onward).where(hop.c.queue.is_not(None)))


def these_queues(queues: Collection[str]) -> CTE:
    """Select these names; there must be one."""
    named = values(column("queue", Text), name="these").data([(queue,) for queue in queues])
    return named.cte("these_queues")


def newest_cycles(names: CTE | None = None) -> Select[int]:
    """Select the id of the newest cycle of each queue (None: of all).

    It takes time that grows with queues, not with cycles.
    """
    names = queue_names() if names is None else names
    of_queue = cycles.alias()
    newest = (
        select(of_queue.c.id)
        .where(of_queue.c.queue == names.c.queue)
        .order_by(of_queue.c.at.desc(), of_queue.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(newest).where(names.c.queue.is_not(None))


def prune_pilots(connection: Connection, before_us: int) -> int:
    """Forget one slice of the pilots that ended before a time; their transitions go with them."""
    old = (
        select(pilots.c.id)
        .where(pilots.c.ended_at < before_us)
        .order_by(pilots.c.ended_at)
        .limit(_PILOTS_AT_ONCE)
    )
    return _deleted(connection.execute(delete(pilots).where(pilots.c.id.in_(old))))


def prune_cycles(connection: Connection, before_us: int) -> int:
    """Forget one slice of the cycles before a time, but for the newest of each queue."""
    # in two steps: Python's sqlite3 gives no count of rows for a statement that begins with WITH
    old = connection.scalars(
        select(cycles.c.id)
        .where(cycles.c.at < before_us, cycles.c.id.not_in(newest_cycles()))
        .order_by(cycles.c.at)
        .limit(_CYCLES_AT_ONCE)
    ).all()
    return _deleted(connection.execute(delete(cycles).where(cycles.c.id.in_(old)))) if old else 0


def give_back_space(connection: Connection) -> bool:
    """Give one slice of SQLite's free pages back to the file system; return whether there are more."""
    free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    total = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    surplus = free - max(_RESERVE_PAGES, int(total * _RESERVE))
    if surplus <= 0:
        return False
    # SQLite frees one page for each step of this statement: it has to be fetched to its end
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA incremental_vacuum({min(surplus, _PAGES_AT_ONCE)})").fetchall()
    left = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    return bool(left < free and surplus > _PAGES_AT_ONCE)


def _deleted(result: CursorResult[Any]) -> int:
    return result.rowcount
