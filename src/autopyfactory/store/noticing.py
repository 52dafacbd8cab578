"""What telling operators adds to the store."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, and_, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from autopyfactory.model import (
    ChannelRecord,
    HostTally,
    Notice,
    NoticeKind,
    NoticeLook,
    PilotState,
    Severity,
)
from autopyfactory.store.notice_tables import ONLY, channels, looks, notices
from autopyfactory.store.rows import bounded, from_us, to_us
from autopyfactory.store.tables import pilots

T = TypeVar("T")

_FAILED = (PilotState.FAILED.value, PilotState.LOST.value)


class Noticing:
    """`autopyfactory.api.NoticeStore`; `SqlStore` tells how work is done."""

    async def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def _write(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    async def notice_look(self) -> NoticeLook:
        """Return the look that was kept last; an empty one where there was none."""

        def work(connection: Connection) -> NoticeLook:
            last = connection.execute(select(looks.c.number, looks.c.at)).first()
            if last is None:
                return NoticeLook()
            found = connection.execute(select(notices).order_by(notices.c.since, notices.c.key)).all()
            told = connection.execute(select(channels).order_by(channels.c.name)).all()
            return NoticeLook(
                number=last.number,
                at=from_us(last.at),
                notices=tuple(
                    Notice(
                        row.key,
                        NoticeKind(row.kind),
                        row.scope,
                        row.text,
                        from_us(row.since),
                        Severity(row.severity),
                    )
                    for row in found
                ),
                channels={row.name: ChannelRecord(row.state, row.trouble) for row in told},
            )

        return await self._read(work)

    async def keep_look(self, look: NoticeLook) -> bool:
        """Keep a look, over the one before with all of its channels; False unless it is the next one."""
        if look.at is None:
            raise ValueError("a look without a time")
        at = to_us(look.at)

        def work(connection: Connection) -> bool:
            if not _is_next(connection, look.number, at):
                return False
            connection.execute(delete(notices))
            connection.execute(delete(channels))
            if look.notices:
                connection.execute(insert(notices), [_notice(notice) for notice in look.notices])
            if look.channels:
                connection.execute(
                    insert(channels),
                    [
                        {"name": name, "state": channel.state, "trouble": bounded(channel.trouble)}
                        for name, channel in look.channels.items()
                    ],
                )
            return True

        return await self._write(work)

    async def host_tallies(self, since: datetime, fast_s: float) -> list[HostTally]:
        """Count the pilots that ended since a time by host, where any failed within ``fast_s``."""
        p = pilots.c
        is_fast = and_(p.wall_s <= fast_s, p.state.in_(_FAILED))
        ran, fast = func.count(), func.sum(case((is_fast, 1), else_=0))
        first = func.min(case((is_fast, p.ended_at)))
        wanted = (
            select(p.host, ran, fast, first)
            .where(p.ended_at >= to_us(since), p.wall_s.is_not(None), p.host != "")
            .group_by(p.host)
            .having(fast > 0)
        )
        return await self._read(
            lambda c: [HostTally(row[0], row[1], row[2], from_us(row[3])) for row in c.execute(wanted)]
        )


def _is_next(connection: Connection, number: int, at: int) -> bool:
    """Count the look, if it is the next one."""
    counting = (
        update(looks).where(looks.c.id == ONLY, looks.c.number == number - 1).values(number=number, at=at)
    )
    if connection.execute(counting).rowcount:
        return True
    if number != 1:
        return False
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    first = dialect.insert(looks).values(id=ONLY, number=number, at=at).on_conflict_do_nothing()
    # an INSERT tells how many rows it made only where it is asked to
    return connection.execute(first, execution_options={"preserve_rowcount": True}).rowcount == 1


def _notice(notice: Notice) -> dict[str, object]:
    return {
        "key": bounded(notice.key),
        "kind": notice.kind.value,
        "scope": bounded(notice.scope),
        "text": bounded(notice.text),
        "since": to_us(notice.since),
        "severity": notice.severity.value,
    }
