"""What may go wrong in the simulated world.  All off at first; every field may be set at any time.

Numbers without a unit are probabilities, drawn anew for each call, or shares where the name says so.
"""

from dataclasses import dataclass
from random import Random

from autopyfactory.sim.draw import Draw


@dataclass(slots=True)
class BatchFaults:
    """Faults of a batch system and of the way to it."""

    slow_s: Draw | None = None
    """How long a call takes; half of it before the deed, half of it after."""

    submit_rejected: float = 0
    """A submission is refused as a whole."""
    refused_share: float = 0
    """Each pilot of a submission may be refused by itself."""
    request_lost: float = 0
    """A submission never arrives, and nobody can tell (`SubmitUnknown`)."""
    reply_lost: float = 0
    """A submission is done, and nobody is told (`SubmitUnknown`)."""
    deed_lag_s: float = 0
    """With a lost reply: how much later the pilots come into being."""

    listing_fails: float = 0
    forgotten_share: float = 0
    """Each live pilot may be left out of a listing."""
    listing_repeats: float = 0
    """The last listing is given again."""
    listing_lag_s: float = 0
    """For how long a new pilot is not listed yet."""

    history_fails: float = 0
    history_missing_share: float = 0
    """Each pilot that ends may never get into the history."""
    history_lag_s: float = 0
    """How long after its end a pilot gets into the history."""

    cancel_fails: float = 0
    """`BatchUnavailable`, and nothing is cancelled."""
    cancel_lost: float = 0
    """Nothing is cancelled, and nobody is told."""
    cancel_lag_s: float = 0
    """How long a pilot lives on after it was cancelled; it may start or end meanwhile."""

    clock_skew_s: float = 0
    """How far the batch system's clock is ahead: in every time that it tells."""


@dataclass(slots=True)
class WmsFaults:
    """Faults of a WMS and of the way to it."""

    slow_s: Draw | None = None
    """How long a call takes; more than the client's time-out is a failure."""
    fails: float = 0
    repeats: float = 0
    """The last answer is given again."""


@dataclass(slots=True)
class StoreFaults:
    """Faults of a store and of the way to it."""

    slow_s: Draw | None = None
    """How long a call takes; calls come one after the other."""
    cut: bool = False
    """No call reaches it."""
    fails: float = 0
    """`StoreUnavailable`, and nothing is done."""
    reply_lost: float = 0
    """`StoreUnavailable`, although all of it is done: the connection broke at the commit."""


class Luck:
    """Decides whether a fault strikes, with random numbers of its own.

    Faults so leave the rest of the world as it is: the same seed gives the same pilots with and without them.
    """

    def __init__(self, random: Random) -> None:
        self._random = Random(random.getrandbits(64))

    def strikes(self, probability: float) -> bool:
        """Return True that often."""
        return probability > 0 and self._random.random() < probability

    def delay_s(self, draw: Draw | None) -> float:
        """Return a duration, 0 where there is nothing to draw from."""
        return draw(self._random) if draw else 0.0
