"""What a monitor keeps: the part of `autopyfactory.api.WebStore` that is about factories elsewhere."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Table,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from autopyfactory.api import JobFilter, JobsAdded, LabelSummary
from autopyfactory.model.monitor import (
    MESSAGES_KEPT,
    FactoryCard,
    JobEvent,
    JobReport,
    JobState,
    LabelCard,
    LabelMessage,
    MonitoredFactory,
    MonitoredJob,
)
from autopyfactory.model.monitor_life import aged, told
from autopyfactory.store import monitor_rows
from autopyfactory.store.monitor_tables import events, factories, jobs, labels
from autopyfactory.store.rows import Row, bounded, to_us

T = TypeVar("T")

_AT_ONCE = 400
_PRUNED_AT_ONCE = 1000
_CARD = ("batchqueue", "wmsqueue", "resource", "localqueue")


class MonitorDesk:
    """`autopyfactory.api.MonitorStore` in SQL; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def _write(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    # --- factories

    async def put_factory(self, card: FactoryCard, now: datetime, startup_at: datetime | None) -> bool:
        """Keep how a factory presents itself; return whether it is new."""
        f = factories.c
        name = bounded(card.name)
        said = {
            "url": bounded(card.url),
            "email": bounded(card.email),
            "version": bounded(card.version),
            "kind": bounded(card.kind),
            "ip": bounded(card.ip),
            "startup_at": to_us(startup_at or now),
            "heard_at": to_us(now),
        }

        def work(connection: Connection) -> bool:
            before = connection.scalar(select(f.startup_at).where(f.name == name))
            if before is None:
                connection.execute(insert(factories), {"name": name, **said, "traces": 0, "created": 0})
            else:
                restarted = {"traces": 0} if before != said["startup_at"] else {}
                connection.execute(update(factories).where(f.name == name).values(**said, **restarted))
            return before is None

        return await self._write(work)

    async def monitored_factories(self, name: str | None = None) -> list[MonitoredFactory]:
        """Return all factories by name, or just one."""
        wanted = select(factories).order_by(factories.c.name)
        if name is not None:
            wanted = wanted.where(factories.c.name == bounded(name))
        return await self._read(lambda c: [monitor_rows.to_factory(row) for row in c.execute(wanted)])

    # --- labels

    async def put_labels(self, cards: Sequence[LabelCard], now: datetime) -> tuple[int, int]:
        """Keep labels of known factories; return how many are new and how many were known."""

        def work(connection: Connection) -> tuple[int, int]:
            wanted = {(bounded(card.factory), bounded(card.name)): card for card in cards}
            there = _found(connection, factories, [(factory,) for factory, _ in wanted])
            wanted = {key: card for key, card in wanted.items() if key[:1] in there}
            known = _found(connection, labels, list(wanted))
            for key, card in wanted.items():
                said = {name: bounded(value) for name in _CARD if (value := getattr(card, name))}
                _put_label(connection, key, said, to_us(now), new=key not in known)
            return len(wanted) - len(known), len(known)

        return await self._write(work)

    async def monitored_labels(
        self, factory: str | None = None, name: str | None = None, offset: int = 0, limit: int = 0
    ) -> list[LabelSummary]:
        """Return labels by factory and name; ``limit`` 0: all."""
        wanted = select(labels).order_by(labels.c.factory, labels.c.name).offset(offset)
        if factory is not None:
            wanted = wanted.where(labels.c.factory == bounded(factory))
        if name is not None:
            wanted = wanted.where(labels.c.name == bounded(name))
        if limit:
            wanted = wanted.limit(limit)

        def work(connection: Connection) -> list[LabelSummary]:
            found = [monitor_rows.to_label(row) for row in connection.execute(wanted)]
            keys = [(label.card.factory, label.card.name) for label in found]
            counts = _job_counts(connection, keys)
            return [LabelSummary(label, counts.get(key, {})) for label, key in zip(found, keys, strict=True)]

        return await self._read(work)

    async def add_label_message(self, factory: str, name: str, message: LabelMessage, data: str = "") -> bool:
        """Keep a message, and forget all but the last; False where there is no such label."""
        here = (labels.c.factory == bounded(factory)) & (labels.c.name == bounded(name))
        at = to_us(message.at)

        def work(connection: Connection) -> bool:
            row = connection.execute(select(labels).where(here).with_for_update()).first()
            if row is None:
                return False
            kept = [*monitor_rows.to_label(row).messages, message][-MESSAGES_KEPT:]
            said = {"messages": monitor_rows.messages_text(kept), "heard_at": at}
            connection.execute(update(labels).where(here).values(**said, **({"data": data} if data else {})))
            _heard(connection, factory, at, {"traces": factories.c.traces + 1})
            return True

        return await self._write(work)

    # --- jobs

    async def put_jobs(self, announced: Sequence[MonitoredJob]) -> JobsAdded:
        """Keep pilots that are announced; those that are known stay as they are."""

        def work(connection: Connection) -> JobsAdded:
            there = _found(connection, labels, [(bounded(j.factory), bounded(j.label)) for j in announced])
            welcome = [job for job in announced if (bounded(job.factory), bounded(job.label)) in there]
            # of those that are announced twice at once the first counts
            unique = {(bounded(job.factory), bounded(job.cid)): job for job in reversed(welcome)}
            known = _found(connection, jobs, list(unique))
            new = [job for key, job in unique.items() if key not in known]
            if new:
                rows = [_named(jobs, monitor_rows.job_row(job, events=0)) for job in new]
                connection.execute(insert(jobs), rows)
            for factory in {job.factory for job in welcome}:
                n = sum(job.factory == factory for job in new)
                _heard(connection, factory, to_us(welcome[0].created_at), {"created": n})
            return JobsAdded(len(new), len(welcome) - len(new), len(announced) - len(welcome))

        return await self._write(work) if announced else JobsAdded()

    async def monitored_jobs(self, which: JobFilter) -> list[MonitoredJob]:
        """Return pilots, newest first."""
        j = jobs.c
        wanted = select(jobs).order_by(j.created_at.desc(), j.factory, j.cid).offset(which.offset)
        for column, value in ((j.factory, which.factory), (j.label, which.label), (j.state, which.state)):
            if value is not None:
                wanted = wanted.where(column == bounded(str(value)))
        if which.limit:
            wanted = wanted.limit(which.limit)
        return await self._read(lambda c: [monitor_rows.to_job(row) for row in c.execute(wanted)])

    async def monitored_job(self, factory: str, cid: str) -> tuple[MonitoredJob, list[JobEvent]] | None:
        """Return one pilot and its history, oldest first."""
        e = events.c
        history = select(e.at, e.origin, e.text).where(_is_job(events, factory, cid)).order_by(e.n)

        def work(connection: Connection) -> tuple[MonitoredJob, list[JobEvent]] | None:
            row = connection.execute(select(jobs).where(_is_job(jobs, factory, cid))).first()
            if row is None:
                return None
            lines = [monitor_rows.to_event(line) for line in connection.execute(history)]
            return monitor_rows.to_job(row), lines

        return await self._read(work)

    async def report_job(self, factory: str, cid: str, report: JobReport) -> MonitoredJob:
        """Carry out a report; raises `KeyError` for an unknown pilot and `BadTransition`."""
        wanted = select(jobs).where(_is_job(jobs, factory, cid)).with_for_update()

        def work(connection: Connection) -> MonitoredJob:
            row = connection.execute(wanted).first()
            if row is None:
                raise KeyError(f"{factory}:{cid}")
            before = monitor_rows.to_job(row)
            after = told(before, report)
            rc = "" if report.rc is None else f", rc={report.rc}"
            text = f"{before.state}->{after.state}{rc}"
            _change(connection, after, row.events, JobEvent(report.at, report.origin, text))
            _heard(connection, factory, to_us(report.at), {})
            return after

        return await self._write(work)

    async def age_jobs(self, now: datetime, limit: int = 1000) -> int:
        """Carry out what silence means for that many pilots that are due; return how many there were."""
        due = jobs.c.due_at
        wanted = select(jobs).where(due <= to_us(now)).order_by(due).limit(limit).with_for_update()

        def work(connection: Connection) -> int:
            rows = connection.execute(wanted).all()
            for row in rows:
                job, text = aged(monitor_rows.to_job(row), now)
                _change(connection, job, row.events, JobEvent(now, "monitor", text))
            return len(rows)

        return await self._write(work)

    async def prune_monitored(self, before: datetime) -> int:
        """Forget pilots that ended before a time, in slices; return how many."""
        old = (
            select(jobs.c.factory, jobs.c.cid)
            .where(jobs.c.due_at.is_(None), jobs.c.changed_at < to_us(before))
            .limit(_PRUNED_AT_ONCE)
        )
        forgetting = delete(jobs).where(tuple_(jobs.c.factory, jobs.c.cid).in_(old))

        def work(connection: Connection) -> int:
            result: CursorResult[tuple[object, ...]] = connection.execute(forgetting)
            return result.rowcount

        forgotten = 0
        while n := await self._write(work):
            forgotten += n
        return forgotten


def _put_label(
    connection: Connection, key: tuple[str, ...], said: dict[str, str], now_us: int, *, new: bool
) -> None:
    if new:
        factory, name = key
        blank = dict.fromkeys(_CARD, "")
        row = {"factory": factory, "name": name, **blank, **said, "messages": "[]", "data": ""}
        connection.execute(insert(labels), {**row, "created_at": now_us, "heard_at": now_us})
    elif said:
        here = (labels.c.factory == key[0]) & (labels.c.name == key[1])
        connection.execute(update(labels).where(here).values(**said))


def _job_counts(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[JobState, int]]:
    """Count the pilots of labels by state."""
    j = jobs.c
    counted: dict[tuple[str, str], dict[JobState, int]] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = tuple_(j.factory, j.label).in_(keys[start : start + _AT_ONCE])
        wanted = select(j.factory, j.label, j.state, func.count()).where(some)
        for factory, label, state, n in connection.execute(wanted.group_by(j.factory, j.label, j.state)):
            counted.setdefault((factory, label), {})[JobState(state)] = n
    return counted


def _found(connection: Connection, table: Table, keys: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Return those keys that a table has; they are its primary key, or the beginning of it."""
    columns = list(table.primary_key.columns)[: len(keys[0])] if keys else []
    unique = sorted(set(keys))
    found: set[tuple[str, ...]] = set()
    for start in range(0, len(unique), _AT_ONCE):
        some = tuple_(*columns).in_(unique[start : start + _AT_ONCE])
        found.update(tuple(row) for row in connection.execute(select(*columns).where(some)))
    return found


def _heard(connection: Connection, factory: str, at_us: int, more: dict[str, object]) -> None:
    here = factories.c.name == bounded(factory)
    connection.execute(update(factories).where(here).values(heard_at=at_us, **more))


def _change(connection: Connection, job: MonitoredJob, known_events: int, event: JobEvent) -> None:
    n = known_events + 1
    row = _named(jobs, monitor_rows.job_row(job, n))
    connection.execute(update(jobs).where(_is_job(jobs, job.factory, job.cid)).values(row))
    line = (bounded(job.factory), bounded(job.cid), n, to_us(event.at), bounded(event.origin))
    connection.execute(insert(events), _named(events, (*line, bounded(event.text))))


def _is_job(table: Table, factory: str, cid: str) -> ColumnElement[bool]:
    return (table.c.factory == bounded(factory)) & (table.c.cid == bounded(cid))


def _named(table: Table, row: Row) -> dict[str, object]:
    return dict(zip([column.name for column in table.c], row, strict=True))
