"""Identities: sortable, unique, and honest about their time."""

import random
import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model import TAG_PATTERN, PilotIds, planned_at

NOW = datetime(2026, 11, 22, 17, 15, 31, 981_000, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(-5_000, 5_000), st.integers(0, 50)), max_size=20), st.integers())
def test_ids_grow_whatever_the_clock_does(steps: list[tuple[int, int]], seed: int) -> None:
    ids = PilotIds(random.Random(seed).getrandbits)
    made = [pilot for ms, n in steps for pilot in ids.make(NOW + timedelta(milliseconds=ms), n)]
    assert made == sorted(set(made))
    assert all(re.fullmatch(TAG_PATTERN, pilot) for pilot in made)


def test_id_tells_when_it_was_planned() -> None:
    (pilot,) = PilotIds(random.Random(1).getrandbits).make(NOW, 1)
    assert planned_at(pilot) == NOW
