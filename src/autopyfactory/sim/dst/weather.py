"""Draws when which fault is switched on, and off again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from autopyfactory.sim.draw import constant, uniform

STORE = "store"
WMS = "wms"


@dataclass(frozen=True, slots=True)
class Spell:
    """One fault for a while."""

    place: str
    """A site's name, or one of the two above."""
    fault: str
    """A field of its faults."""
    value: object
    shown: str
    from_s: float
    until_s: float


Amount = Callable[[Random], tuple[object, str]]


def _share(low: float, high: float) -> Amount:
    def draw(random: Random) -> tuple[object, str]:
        value = 1.0 if random.random() < 0.3 and high == 1 else random.uniform(low, high)
        return value, f"{value:.2f}"

    return draw


def _seconds(low_s: float, high_s: float) -> Amount:
    def draw(random: Random) -> tuple[object, str]:
        value = random.uniform(low_s, high_s)
        return value, f"{value:.0f} s"

    return draw


def _slow(*longest_s: float) -> Amount:
    def draw(random: Random) -> tuple[object, str]:
        high_s = random.choice(longest_s)
        if random.random() < 0.2:
            return constant(high_s), f"{high_s:g} s"
        return uniform(0, high_s), f"up to {high_s:g} s"

    return draw


_BATCH: dict[str, Amount] = {
    "slow_s": _slow(2, 20, 55, 150),
    "submit_rejected": _share(0.2, 1),
    "refused_share": _share(0.05, 0.7),
    "request_lost": _share(0.2, 1),
    "reply_lost": _share(0.2, 1),
    "deed_lag_s": _seconds(1, 240),
    "listing_fails": _share(0.2, 1),
    "forgotten_share": _share(0.02, 1),
    "listing_repeats": _share(0.2, 1),
    "listing_lag_s": _seconds(5, 240),
    "history_fails": _share(0.2, 1),
    "history_missing_share": _share(0.05, 1),
    "history_lag_s": _seconds(10, 1200),
    "cancel_fails": _share(0.2, 1),
    "cancel_lost": _share(0.2, 1),
    "cancel_lag_s": _seconds(5, 200),
    "clock_skew_s": _seconds(-7200, 7200),
}
_WMS: dict[str, Amount] = {"slow_s": _slow(2, 20, 80), "fails": _share(0.2, 1), "repeats": _share(0.2, 1)}
_STORE: dict[str, Amount] = {
    "slow_s": _slow(0.05, 2, 10),
    "fails": _share(0.05, 1),
    "reply_lost": _share(0.05, 1),
}


def draw_weather(random: Random, sites: Sequence[str], end_s: float) -> tuple[Spell, ...]:
    """Draw the faults of a world, all over at ``end_s``."""
    spells = []
    for _ in range(random.choice((2, 5, 9, 14))):
        place = random.choice((*sites, *sites, WMS, STORE))
        amounts = {WMS: _WMS, STORE: _STORE}.get(place, _BATCH)
        fault = random.choice(list(amounts))
        from_s = random.uniform(0, end_s)
        until_s = min(end_s, from_s + random.choice((60, 300, 900, 2400)) * random.uniform(0.5, 1.5))
        value, shown = amounts[fault](random)
        spells.append(Spell(place, fault, value, shown, from_s, until_s))
        if fault == "reply_lost" and place in sites and random.random() < 0.7:
            lag, lag_shown = amounts["deed_lag_s"](random)
            spells.append(Spell(place, "deed_lag_s", lag, lag_shown, from_s, until_s))
    return tuple(sorted(spells, key=lambda spell: (spell.from_s, spell.place, spell.fault)))
