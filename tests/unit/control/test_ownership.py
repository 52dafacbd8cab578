"""Who may take a queue, and for how long its owner may rely on it: by uptimes that nobody compares."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.control.ownership import Ownership
from autopyfactory.model import FactoryId, QueueName
from autopyfactory.sim.loop import run_virtual
from autopyfactory.store import SqlStore, open_store
from autopyfactory.testkit.store import NOW

LEASE_S = 60.0
Q = QueueName("Q")


@dataclass
class Watch:
    """The uptime of one machine: begins anywhere, and runs a little fast or slow."""

    begin_s: float = 0.0
    rate: float = 1.0
    true_s: float = 0.0

    def __call__(self) -> float:
        return self.begin_s + self.rate * self.true_s


def settled(ownership: Ownership) -> Ownership:
    ownership.settle(ownership.unsettled, NOW)
    return ownership


async def opened(path: Path) -> SqlStore:
    return await open_store(f"sqlite:///{path}/factory.db", FactoryId("test"), inline=True)


async def test_a_queue_that_is_gained_is_ours_once_its_pilots_are_known(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    mine = Ownership(store, "me", LEASE_S, Watch())
    await mine.claim([Q])
    assert (mine.unsettled, mine.ours(Q), mine.acts(Q)) == ({Q}, False, False)
    assert mine.objection(Q, None) == "another factory owns the queue"
    settled(mine)
    assert (mine.unsettled, mine.ours(Q), mine.acts(Q)) == (set(), True, True)
    await store.close()


async def test_a_lease_that_is_not_renewed_is_not_relied_on_but_kept(tmp_path: Path) -> None:
    store, watch = await opened(tmp_path), Watch()
    mine = Ownership(store, "me", LEASE_S, watch)
    await mine.claim([Q])
    settled(mine)
    deadline = mine.deadline(Q)
    assert deadline is not None
    watch.true_s = LEASE_S / 2
    assert deadline.passed
    assert (mine.ours(Q), mine.acts(Q)) == (True, False)
    assert "ran out" in mine.objection(Q, None)
    await mine.renew()
    assert mine.acts(Q)
    await store.close()


async def test_answers_from_before_a_takeover_do_not_count(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    mine = Ownership(store, "me", LEASE_S, Watch())
    await mine.claim([Q])
    settled(mine)
    assert "newer answers are awaited" in mine.objection(Q, NOW.replace(hour=NOW.hour - 1))
    assert mine.objection(Q, NOW) == ""
    await store.close()


async def test_a_claim_that_was_kept_but_not_confirmed_is_found_by_the_next_renewal(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    mine = Ownership(store, "me", LEASE_S, Watch())
    await store.claim({Q: None}, "me")
    await mine.renew()
    assert mine.unsettled == {Q}
    await store.close()


async def test_what_is_lost_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = await opened(tmp_path)
    told: list[object] = []
    mine = Ownership(store, "me", LEASE_S, Watch())
    mine.on_lost = told.append
    await mine.claim([Q])
    await store.claim(await store.leases(), "other")
    await mine.renew()
    assert told == [[Q]]
    assert not mine.fences
    assert "another factory has taken 1 queues: Q" in caplog.text
    await store.close()


@given(
    first=st.builds(Watch, begin_s=st.floats(0, 1e6), rate=st.floats(0.95, 1.05)),
    second=st.builds(Watch, begin_s=st.floats(0, 1e6), rate=st.floats(0.95, 1.05)),
    steps_s=st.lists(st.floats(0.1, 30), min_size=1, max_size=60),
    renews=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_never_do_two_rely_on_one_queue(
    first: Watch, second: Watch, steps_s: list[float], renews: list[bool]
) -> None:
    """However their uptimes differ, whenever they look, and whichever renewals do not happen."""

    async def play() -> None:
        store = await open_store("sqlite://", FactoryId("test"), inline=True)
        mine = Ownership(store, "first", LEASE_S, first)
        other = Ownership(store, "second", LEASE_S, second)
        true_s = 0.0
        for step_s, renew in zip(steps_s, renews, strict=False):
            true_s += step_s
            first.true_s = second.true_s = true_s
            if renew:
                await mine.renew()
                await mine.claim([Q])
                settled(mine)
            assert not (mine.acts(Q) and other.acts(Q))
            await other.renew()
            await other.claim([Q])
            settled(other)
            assert not (mine.acts(Q) and other.acts(Q))
        await store.close()

    run_virtual(play(), NOW)
