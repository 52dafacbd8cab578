"""The hottest statements, built by SQLAlchemy and compiled once for each kind of database.

They take tuples and go to the driver as they are: Core's own way of executing costs more than SQLite itself.
Everything that is read now and then goes through Core.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.sql import ClauseElement

from autopyfactory.store.rows import Row
from autopyfactory.store.tables import cycles, health, pilots, transitions

_CHUNKS = (1, 20, 500)
"""Sizes of the IN lists that are compiled; a shorter list is filled up with its own last id."""
_ENDING = ("ended_at", "cause", "exit_code", "signal", "wall_s", "empty")
_LIFE = ("state", "changed_at", "batch_id", "started_at", "host", "reason", "retiring", "releases", "changes")


class Statements:
    """The statements of one kind of database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._columns = tuple(column.name for column in pilots.c)
        given = [column.name for column in cycles.c if column.name != "id"]
        adding = insert(cycles)
        if dialect.name != "sqlite":  # SQLite tells it by itself, and knows RETURNING only since 3.35
            adding = adding.returning(cycles.c.id)
        self._add_cycle = self._compiled(adding, given, columns=given)
        self._add_pilot = self._compiled(insert(pilots), self._columns)
        self._add_transition = self._compiled(insert(transitions), tuple(c.name for c in transitions.c))
        # naming ended_at makes SQLite rewrite three indices, so a change within the life leaves it out
        self._change_life = self._update(_LIFE)
        self._change_all = self._update((*_LIFE, *_ENDING))
        self._save_health = self._compiled(self._upsert_health(), tuple(c.name for c in health.c))
        self._find = {(n, lock): self._finding(n, lock=lock) for n in _CHUNKS for lock in (False, True)}
        self._life_of = self._picker(_LIFE)
        self._all_of = self._picker((*_LIFE, *_ENDING))

    def add_cycle(self, connection: Connection, row: Row) -> int:
        """Insert a row without id, and return the id that it got."""
        added = connection.exec_driver_sql(self._add_cycle, row)
        return int(added.scalar_one() if added.returns_rows else added.lastrowid)

    def add_pilots(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert pilots."""
        if rows:
            connection.exec_driver_sql(self._add_pilot, list(rows))

    def add_transitions(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert transitions."""
        if rows:
            connection.exec_driver_sql(self._add_transition, list(rows))

    def change_lives(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows of pilots that were live and still are."""
        if rows:
            connection.exec_driver_sql(self._change_life, [self._life_of(row) for row in rows])

    def change_all(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows of pilots, endings included."""
        if rows:
            connection.exec_driver_sql(self._change_all, [self._all_of(row) for row in rows])

    def save_health(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert or replace the health of endpoints."""
        if rows:
            connection.exec_driver_sql(self._save_health, list(rows))

    def find(
        self, connection: Connection, ids: Sequence[str], *, lock: bool = False
    ) -> Iterator[Sequence[Any]]:
        """Yield the rows of those of these pilots that exist; ``lock`` keeps them from other writers."""
        for start in range(0, len(ids), _CHUNKS[-1]):
            wanted = ids[start : start + _CHUNKS[-1]]
            size = next(n for n in _CHUNKS if n >= len(wanted))
            filled = (*wanted, *[wanted[-1]] * (size - len(wanted)))
            yield from connection.exec_driver_sql(self._find[size, lock], filled)

    # --- building

    def _compiled(
        self, statement: ClauseElement, order: Sequence[str], columns: Sequence[str] | None = None
    ) -> str:
        compiled = statement.compile(dialect=self._dialect, column_keys=list(columns) if columns else None)
        if list(compiled.positiontup or ()) != list(order):  # type: ignore[attr-defined]
            raise AssertionError(f"parameters out of order: {compiled}")
        return str(compiled)

    def _update(self, names: Sequence[str]) -> str:
        ordered = [name for name in self._columns if name in names]
        values = {pilots.c[name]: bindparam(name, type_=pilots.c[name].type) for name in ordered}
        changing = (
            update(pilots).where(pilots.c.id == bindparam("pilot", type_=pilots.c.id.type)).values(values)
        )
        return self._compiled(changing, [*ordered, "pilot"])

    def _picker(self, names: Sequence[str]) -> "_Picker":
        return _Picker([i for i, name in enumerate(self._columns) if name in names])

    def _finding(self, n: int, *, lock: bool) -> str:
        keys = [f"p{i}" for i in range(n)]
        finding: Select[Any] = select(pilots).where(
            pilots.c.id.in_([bindparam(key, type_=pilots.c.id.type) for key in keys])
        )
        if lock:  # in one order, so that two writers cannot wait for each other
            finding = finding.order_by(pilots.c.id).with_for_update()
        return self._compiled(finding, keys)

    def _upsert_health(self) -> ClauseElement:
        adding = sqlite.insert(health) if self._dialect.name == "sqlite" else postgresql.insert(health)
        kept = {c.name: adding.excluded[c.name] for c in health.c if c.name != "name"}
        return adding.on_conflict_do_update(index_elements=["name"], set_=kept)


class _Picker:
    """Picks the parameters of an update out of a row: some columns, then the id."""

    def __init__(self, columns: Sequence[int]) -> None:
        self._columns = (*columns, 0)

    def __call__(self, row: Row) -> Row:
        return tuple([row[i] for i in self._columns])


@cache
def statements_for(dialect: str) -> Statements:
    """Return the statements for ``sqlite`` or ``postgresql``, compiled once in a process."""
    if dialect == "sqlite":
        return Statements(sqlite.dialect())
    return Statements(psycopg.dialect(paramstyle="format"))  # type: ignore[no-untyped-call]
