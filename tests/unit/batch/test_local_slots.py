"""Which local pilots may start: slots, memory, processors."""

import pytest

from autopyfactory.batch.local_slots import Share, Slots, least_used
from autopyfactory.model import PilotId


def slots(n: int, memory_mb: int | None, *taken: Share) -> Slots:
    return Slots(n, memory_mb, {PilotId(str(i)): share for i, share in enumerate(taken)})


@pytest.mark.parametrize(
    ("n", "memory_mb", "taken", "cores", "wants_mb", "room"),
    [
        (1, None, [], 1, 2000, True),
        (1, None, [Share(1, 1)], 1, 1, False),
        (8, None, [Share(4, 1), Share(3, 1)], 1, 1, True),
        (8, None, [Share(4, 1), Share(3, 1)], 2, 1, False),
        (8, 4000, [Share(1, 2000)], 1, 2000, True),
        (8, 4000, [Share(1, 2000)], 1, 2001, False),
    ],
)
def test_room(
    n: int, memory_mb: int | None, taken: list[Share], cores: int, wants_mb: int, room: bool
) -> None:
    assert slots(n, memory_mb, *taken).has_room(cores, wants_mb) is room


@pytest.mark.parametrize(
    ("cores", "memory_mb", "why"),
    [(4, 4000, ""), (5, 1, "needs 5 slots, there are 4"), (1, 4001, "needs 4001 MB, there are 4000 MB")],
)
def test_what_can_never_start_says_why(cores: int, memory_mb: int, why: str) -> None:
    assert why in slots(4, 4000).impossible(cores, memory_mb)
    assert bool(why) == bool(slots(4, 4000).impossible(cores, memory_mb))


@pytest.mark.parametrize(
    ("used", "n", "chosen"),
    [
        ([], 2, (0, 1)),
        ([(0,), (1,)], 2, (2, 3)),
        ([(0, 1), (2, 3), (1, 2)], 2, (0, 3)),
        ([], 9, (0, 1, 2, 3)),
    ],
)
def test_the_least_used_processors_are_taken(
    used: list[tuple[int, ...]], n: int, chosen: tuple[int, ...]
) -> None:
    assert least_used(range(4), used, n) == chosen
