"""Whatever the changes, and however they are grouped: the store says what memory says."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.model import (
    BatchId,
    EndCause,
    FactoryId,
    Pilot,
    PilotState,
    Transition,
)
from autopyfactory.store import open_store, rows
from autopyfactory.testkit.store import NOW, a_cycle, pilot_ids

NAMES = pilot_ids(3)
times = st.integers(0, 4 * 10**15).map(rows.from_us)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
changes = st.builds(
    Transition,
    pilot=st.sampled_from(NAMES),
    at=times,
    state=st.sampled_from(PilotState),
    reason=texts,
    batch_id=st.none() | st.builds(BatchId, texts),
    host=st.none() | texts,
    started_at=st.none() | times,
    ended_at=st.none() | times,
    cause=st.none() | st.sampled_from(EndCause),
    exit_code=st.none() | st.integers(-(2**31), 2**31),
    signal=st.none() | st.integers(0, 64),
    wall_s=st.none() | st.floats(0, 1e9),
    empty=st.none() | st.booleans(),
    retiring=st.none() | st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(changes, max_size=6), max_size=5))
async def test_store_and_memory_agree(batches: list[list[Transition]]) -> None:
    store = await open_store("sqlite://", FactoryId("ours"), inline=True)
    await store.plan(a_cycle(), NAMES, "schedd")
    mine = {name: Pilot(name, a_cycle().queue, "schedd", PilotState.PLANNED, NOW, NOW) for name in NAMES}
    lives = dict.fromkeys(NAMES, 1)
    for batch in batches:
        await store.record(batch)
        for change in batch:
            mine[change.pilot].apply(change)
            lives[change.pilot] += 1
        assert await store.find(NAMES) == mine
        assert await store.live() == [pilot for pilot in mine.values() if pilot.state.is_live]
        ended = [pilot for pilot in mine.values() if pilot.state.is_final]
        assert sum((await store.endings(datetime(1970, 1, 1, tzinfo=UTC))).values()) == len(ended)
    for name, n in lives.items():
        assert len(await store.transitions(name)) == n
    await store.close()


@given(at=times)
def test_times_come_back_to_the_microsecond(at: datetime) -> None:
    assert rows.from_us(rows.to_us(at)) == at


@given(text=st.text(max_size=1500))
def test_any_text_becomes_one_that_can_be_kept(text: str) -> None:
    kept = rows.bounded(text)
    assert len(kept) <= rows.MAX_TEXT
    assert "\0" not in kept
    kept.encode()


def test_a_field_that_is_newer_than_a_row_takes_its_default() -> None:
    cycle = replace(a_cycle(), state=replace(a_cycle().state, just_started=4))
    row = (1, *rows.cycle_row(cycle))
    assert rows.to_cycle(row).state.just_started == 4
    older = tuple(
        one.replace(',"just_started":4', "").replace('"just_started":4,', "") if isinstance(one, str) else one
        for one in row
    )
    assert rows.to_cycle(older).state.just_started == 0
