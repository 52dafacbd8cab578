"""The hottest statements, built by SQLAlchemy and compiled once for each kind of database.

They take tuples and go to the driver as they are: Core's own way of executing costs more than SQLite itself.
Everything that is read now and then goes through Core.

Many rows are many calls of one statement in SQLite, which compiles it once.  PostgreSQL gets them in one
call, as an array for each column: the driver would put many calls into a pipeline, and a process stopped
within one is not idle in the eyes of the server, so it would keep its locks for as long as it stands still.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Table,
    bindparam,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY, psycopg
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
        self._in_arrays = dialect.name != "sqlite"
        self._columns = tuple(column.name for column in pilots.c)
        given = [column.name for column in cycles.c if column.name != "id"]
        adding = insert(cycles)
        if self._in_arrays:  # SQLite tells it by itself, and knows RETURNING only since 3.35
            adding = adding.returning(cycles.c.id)
        self._add_cycle = self._compiled(adding, given, columns=given)
        self._add_pilots = self._adding(pilots)
        self._add_transitions = self._adding(transitions)
        # naming ended_at makes SQLite rewrite three indices, so a change within the life leaves it out
        self._change_lives = self._update(_LIFE)
        self._change_alls = self._update((*_LIFE, *_ENDING))
        self._save_health = self._upsert_health()
        self._find = {(n, lock): self._finding(n, lock=lock) for n in _CHUNKS for lock in (False, True)}
        self._life_of = self._picker(_LIFE)
        self._all_of = self._picker((*_LIFE, *_ENDING))

    def add_cycle(self, connection: Connection, row: Row) -> int:
        """Insert a row without id, and return the id that it got."""
        added = connection.exec_driver_sql(self._add_cycle, row)
        return int(added.scalar_one() if added.returns_rows else added.lastrowid)

    def add_pilots(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert pilots."""
        self._for_all(connection, self._add_pilots, rows)

    def add_transitions(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert transitions."""
        self._for_all(connection, self._add_transitions, rows)

    def change_lives(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows of pilots that were live and still are."""
        self._for_all(connection, self._change_lives, [self._life_of(row) for row in rows])

    def change_all(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows of pilots, endings included."""
        self._for_all(connection, self._change_alls, [self._all_of(row) for row in rows])

    def save_health(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert or replace the health of endpoints, each once."""
        self._for_all(connection, self._save_health, rows)

    def find(
        self, connection: Connection, ids: Sequence[str], *, lock: bool = False
    ) -> Iterator[Sequence[Any]]:
        """Yield the rows of those of these pilots that exist; ``lock`` keeps them from other writers."""
        for start in range(0, len(ids), _CHUNKS[-1]):
            wanted = ids[start : start + _CHUNKS[-1]]
            size = next(n for n in _CHUNKS if n >= len(wanted))
            filled = (*wanted, *[wanted[-1]] * (size - len(wanted)))
            yield from connection.exec_driver_sql(self._find[size, lock], filled)

    def _for_all(self, connection: Connection, statement: str, rows: Sequence[Row]) -> None:
        if rows and self._in_arrays:
            connection.exec_driver_sql(statement, tuple(map(list, zip(*rows, strict=True))))
        elif rows:
            connection.exec_driver_sql(statement, list(rows))

    # --- building

    def _compiled(
        self, statement: ClauseElement, order: Sequence[str], columns: Sequence[str] | None = None
    ) -> str:
        compiled = statement.compile(dialect=self._dialect, column_keys=list(columns) if columns else None)
        if list(compiled.positiontup or ()) != list(order):  # type: ignore[attr-defined]
            raise AssertionError(f"parameters out of order: {compiled}")
        return str(compiled)

    def _adding(self, table: Table) -> str:
        names = [column.name for column in table.c]
        return self._compiled(self._insert(table, names), names)

    def _insert(self, table: Table, names: Sequence[str]) -> Any:
        if not self._in_arrays:
            return insert(table)
        given = _unnested([table.c[name] for name in names], names)
        return insert(table).from_select(names, select(given))

    def _update(self, names: Sequence[str]) -> str:
        ordered = [name for name in self._columns if name in names]
        columns, keys = [*(pilots.c[name] for name in ordered), pilots.c.id], [*ordered, "pilot"]
        new: Mapping[str, Any]
        if self._in_arrays:
            new = _unnested(columns, keys).c
        else:
            new = {key: bindparam(key, type_=one.type) for key, one in zip(keys, columns, strict=True)}
        values = {name: new[name] for name in ordered}
        return self._compiled(update(pilots).where(pilots.c.id == new["pilot"]).values(values), keys)

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

    def _upsert_health(self) -> str:
        names = [column.name for column in health.c]
        adding: sqlite.Insert | postgresql.Insert = sqlite.insert(health)
        if self._in_arrays:
            adding = postgresql.insert(health).from_select(names, select(_unnested(list(health.c), names)))
        kept = {name: adding.excluded[name] for name in names if name != "name"}
        return self._compiled(adding.on_conflict_do_update(index_elements=["name"], set_=kept), names)


def _unnested(columns: Sequence[ColumnElement[Any]], keys: Sequence[str]) -> Any:
    """Return the rows that arrays with these names make, one for each column."""
    arrays = [bindparam(key, type_=ARRAY(one.type)) for key, one in zip(keys, columns, strict=True)]
    named = [column(key, one.type) for key, one in zip(keys, columns, strict=True)]
    return func.unnest(*arrays).table_valued(*named, name="new").render_derived()


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
