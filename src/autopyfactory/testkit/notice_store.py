"""What a store must do for notices to operators: a suite to subclass, as `testkit.store` is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

import pytest

from autopyfactory.api import NoticeStore, Store
from autopyfactory.model import (
    ChannelRecord,
    EndCause,
    HostTally,
    Notice,
    NoticeKind,
    NoticeLook,
    PilotState,
    Severity,
    Transition,
)
from autopyfactory.testkit.store import MINUTE, NOW, a_cycle, pilot_ids

__all__ = ["NoticeStoreContract", "NoticeStoreOpener"]


class _BothStores(Store, NoticeStore, Protocol):
    """Notices tell of pilots."""


NoticeStoreOpener = Callable[[], Awaitable[_BothStores]]

DOWN = Notice(
    "endpoint_down:wms.w", NoticeKind.ENDPOINT_DOWN, "wms.w", "w is größer", NOW - MINUTE, Severity.CRITICAL
)
STARVING = Notice("queue_starving:queue.q", NoticeKind.QUEUE_STARVING, "queue.q", "q starves", NOW)
FIRST = NoticeLook(
    1, NOW, (DOWN, STARVING), {"ops": ChannelRecord('{"a": 1}', "no route"), "log": ChannelRecord("{}")}
)


class NoticeStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> NoticeStoreOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    async def test_the_last_look_is_kept(self, opener: NoticeStoreOpener) -> None:
        store = await opener()
        assert await store.notice_look() == NoticeLook()
        assert await store.keep_look(FIRST)
        await store.close()
        again = await opener()
        assert await again.notice_look() == FIRST
        second = NoticeLook(2, NOW + MINUTE, (STARVING,), {"log": ChannelRecord('{"b": 2}')})
        assert await again.keep_look(second)
        assert await again.notice_look() == second
        third = NoticeLook(3, NOW + 2 * MINUTE)
        assert await again.keep_look(third)
        assert await again.notice_look() == third
        await again.close()

    async def test_one_who_did_not_see_the_last_look_keeps_nothing(self, opener: NoticeStoreOpener) -> None:
        store, other = await opener(), await opener()
        assert not await store.keep_look(replace(FIRST, number=2)), "there was none before it"
        both = await asyncio.gather(store.keep_look(FIRST), other.keep_look(FIRST))
        assert sorted(both) == [False, True], "one of two at the same time"
        assert not await other.keep_look(replace(FIRST, notices=()))
        assert not await other.keep_look(replace(FIRST, number=3))
        assert await other.notice_look() == FIRST
        await store.close()
        await other.close()

    async def test_a_text_is_bounded_and_a_state_is_not(self, opener: NoticeStoreOpener) -> None:
        store = await opener()
        state = '{"text": "' + "x" * 200_000 + '"}'
        long = replace(DOWN, text="y" * 5000 + "\0")
        assert await store.keep_look(NoticeLook(1, NOW, (long,), {"ops": ChannelRecord(state, "z" * 5000)}))
        kept = await store.notice_look()
        assert len(kept.notices[0].text) <= 1000
        assert len(kept.channels["ops"].trouble) <= 1000
        assert kept.channels["ops"].state == state
        await store.close()

    async def test_hosts_where_pilots_failed_fast(self, opener: NoticeStoreOpener) -> None:
        store = await opener()
        pilots = pilot_ids(8)
        await store.plan(a_cycle(planned=8), pilots, "schedd")

        def end(n: int, state: PilotState, host: str, wall_s: float | None, minutes: int) -> Transition:
            return Transition(
                pilots[n], NOW + minutes * MINUTE, state, host=host, wall_s=wall_s, cause=EndCause.EXIT,
                ended_at=NOW + minutes * MINUTE,
            )  # fmt: skip

        await store.record(
            [
                end(0, PilotState.FAILED, "bad", 3, 3),
                end(1, PilotState.FAILED, "bad", 300, 2),
                end(2, PilotState.FAILED, "bad", 301, 1),
                end(3, PilotState.DONE, "bad", 3, 4),
                end(4, PilotState.REMOVED, "good", 3, 1),
                end(5, PilotState.FAILED, "", 3, 1),
                end(6, PilotState.FAILED, "bad", None, 1),
                end(7, PilotState.FAILED, "earlier", 3, -1),
            ]
        )
        assert await store.host_tallies(NOW, 300) == [HostTally("bad", 4, 2, NOW + 2 * MINUTE)]
        assert await store.host_tallies(NOW + 3 * MINUTE, 300) == [HostTally("bad", 2, 1, NOW + 3 * MINUTE)]
        assert await store.host_tallies(NOW + 5 * MINUTE, 300) == []
        await store.close()
