"""What the web and operators add to the store, and the reading that only they need."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Table, bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from autopyfactory.api import EndingField, EndingGroup
from autopyfactory.model import (
    ApiToken,
    AuditEntry,
    Override,
    PilotCounts,
    PilotId,
    PilotReport,
    PilotState,
    QueueName,
    Retirement,
)
from autopyfactory.store import desk_rows
from autopyfactory.store.rows import Row, from_us, to_us
from autopyfactory.store.tables import audit, overrides, pilots, reports, retirements, tokens

T = TypeVar("T")

_IDS_AT_ONCE = 500


class Desk:
    """The part of `autopyfactory.api.DeskStore` that `Store` has not; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def _write(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    # --- reports of wrappers

    async def add_reports(self, told: Sequence[PilotReport]) -> frozenset[PilotId]:
        """Keep reports, and return the pilots that the store does not know."""
        if not told:
            return frozenset()

        def work(connection: Connection) -> frozenset[PilotId]:
            wanted = {report.pilot for report in told}
            known = _known(connection, sorted(wanted))
            rows = [_named(reports, desk_rows.report_row(report)) for report in told if report.pilot in known]
            if rows:
                dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
                connection.execute(dialect.insert(reports).on_conflict_do_nothing(), rows)
            return frozenset(wanted - known)

        return await self._write(work)

    async def reports(self, pilot: PilotId, after: int = -1, limit: int = 1000) -> list[PilotReport]:
        """Return the reports of one pilot by ``seq``, those above ``after``."""
        r = reports.c
        wanted = select(reports).where(r.pilot == pilot, r.seq > after).order_by(r.seq).limit(limit)
        return await self._read(lambda c: [desk_rows.to_report(row) for row in c.execute(wanted)])

    # --- operators

    async def overrides(self) -> Mapping[QueueName, Override]:
        """Return the overrides of queues; those of downtimes that are over may be among them."""
        found = await self._read(
            lambda c: [desk_rows.to_override(row) for row in c.execute(select(overrides))]
        )
        return {override.queue: override for override in found}

    async def set_override(self, queue: QueueName, override: Override | None, entry: AuditEntry) -> None:
        """Hold a queue back, or (None) no longer; over what was asked before."""

        def work(connection: Connection) -> None:
            connection.execute(delete(overrides).where(overrides.c.queue == queue))
            if override is not None:
                connection.execute(insert(overrides), _named(overrides, desk_rows.override_row(override)))
            _note(connection, entry)

        await self._write(work)

    async def retirements(self) -> Mapping[PilotId, Retirement]:
        """Return which live pilots are still to be removed, by pilot."""
        p, r = pilots.c, retirements.c
        # not a join: SQLite would begin with all live pilots
        unchanged = select(p.id).where(p.id == r.pilot, p.ended_at.is_(None), p.changed_at == r.changed_at)
        open_ones = select(retirements).where(unchanged.exists())
        found = await self._read(lambda c: [desk_rows.to_retirement(row) for row in c.execute(open_ones)])
        return {retirement.pilot: retirement for retirement in found}

    async def retire(self, wanted: Sequence[Retirement], entry: AuditEntry) -> None:
        """Have the factory remove pilots, over what was asked of them before."""

        def work(connection: Connection) -> None:
            known = _known(connection, sorted(retirement.pilot for retirement in wanted))
            rows = [_named(retirements, desk_rows.retirement_row(r)) for r in wanted if r.pilot in known]
            if rows:
                connection.execute(
                    delete(retirements).where(retirements.c.pilot == bindparam("gone")),
                    [{"gone": row["pilot"]} for row in rows],
                )
                connection.execute(insert(retirements), rows)
            _note(connection, entry)

        await self._write(work)

    async def note(self, entry: AuditEntry) -> None:
        """Add to the audit trail."""
        await self._write(lambda connection: _note(connection, entry))

    async def audit(self, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """Return the audit trail, newest first."""
        wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.id < before)
        return await self._read(lambda c: [desk_rows.to_audit(row) for row in c.execute(wanted)])

    # --- tokens

    async def add_token(self, token: ApiToken, entry: AuditEntry) -> None:
        """Keep a new token.  Raises `ValueError` where its id or digest is taken."""

        def work(connection: Connection) -> None:
            connection.execute(insert(tokens), _named(tokens, desk_rows.token_row(token)))
            _note(connection, entry)

        try:
            await self._write(work)
        except IntegrityError as error:
            raise ValueError(f"there is a token {token.id} already") from error

    async def revoke_token(self, id: str, at: datetime, entry: AuditEntry) -> bool:  # noqa: A002
        """Revoke a token for good; return whether there was one that was not revoked yet."""
        revoking = (
            update(tokens)
            .where(tokens.c.id == id, tokens.c.revoked_at.is_(None))
            .values(revoked_at=to_us(at))
        )

        def work(connection: Connection) -> bool:
            if not connection.execute(revoking).rowcount:
                return False
            _note(connection, entry)
            return True

        return await self._write(work)

    async def token(self, digest: str) -> ApiToken | None:
        """Return the token with that digest, revoked and expired ones too."""
        wanted = select(tokens).where(tokens.c.digest == digest)
        row = await self._read(lambda connection: connection.execute(wanted).first())
        return None if row is None else desk_rows.to_token(row)

    async def tokens(self) -> list[ApiToken]:
        """Return all tokens, oldest first."""
        wanted = select(tokens).order_by(tokens.c.created_at, tokens.c.id)
        return await self._read(lambda c: [desk_rows.to_token(row) for row in c.execute(wanted)])

    # --- reading in groups

    async def live_counts(self) -> Mapping[QueueName, PilotCounts]:
        """Count the live pilots of every queue that has any; retiring ones apart."""
        p = pilots.c
        state = case((p.retiring, "retiring"), else_=p.state).label("counted_as")
        # not the bare column: SQLite would go through all pilots by its index, the ended ones too
        queue = func.coalesce(p.queue, "").label("of_queue")
        # by labels: PostgreSQL does not see that an expression with bound parameters is the same one again
        wanted = (
            select(queue, state, func.count())
            .where(p.ended_at.is_(None))
            .group_by(text("of_queue"), text("counted_as"))
        )

        def work(connection: Connection) -> dict[QueueName, PilotCounts]:
            counted: dict[QueueName, dict[str, int]] = {}
            for queue, name, n in connection.execute(wanted):
                counted.setdefault(QueueName(queue), {})[name] = n
            return {queue: PilotCounts(**numbers) for queue, numbers in counted.items()}

        return await self._read(work)

    async def ending_groups(
        self,
        since: datetime,
        by: Sequence[EndingField],
        queue: QueueName | None = None,
        limit: int = 200,
        states: Collection[PilotState] = (),
        host: str | None = None,
    ) -> list[EndingGroup]:
        """Return the largest groups of the pilots that ended since a time, largest first."""
        p = pilots.c
        columns = [p[field.value] for field in by]
        chosen = [p.ended_at >= to_us(since)]
        chosen += [p.queue == queue] if queue else []
        chosen += [p.state.in_(sorted(states))] if states else []
        chosen += [p.host == host] if host else []
        size, last = func.count().label("size"), func.max(pilots.c.ended_at).label("last")
        wanted = select(*columns, size, last).where(*chosen).group_by(*columns)
        ordered = wanted.order_by(size.desc(), last.desc()).limit(limit)
        return await self._read(
            lambda c: [EndingGroup(tuple(row[:-2]), row[-2], from_us(row[-1])) for row in c.execute(ordered)]
        )


def prune_audit(connection: Connection, before_us: int) -> None:
    """Forget what operators did before a time."""
    connection.execute(delete(audit).where(audit.c.at < before_us))


def _known(connection: Connection, ids: Sequence[str]) -> set[PilotId]:
    found: set[PilotId] = set()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        found.update(connection.scalars(select(pilots.c.id).where(pilots.c.id.in_(some))))
    return found


def _note(connection: Connection, entry: AuditEntry) -> None:
    names = [column.name for column in audit.c if column.name != "id"]
    connection.execute(insert(audit), dict(zip(names, desk_rows.audit_row(entry), strict=True)))


def _named(table: Table, row: Row) -> dict[str, object]:
    return dict(zip([column.name for column in table.c], row, strict=True))
