"""``python -m autopyfactory.sim.dst --seeds 2000``: play many seeds, and tell which went wrong."""

import argparse
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console

from autopyfactory.sim.dst.play import Outcome, play

LAST_EVENTS = 40


def main(arguments: Sequence[str]) -> int:
    """Return 0 where every invariant held in every world, else 1."""
    wanted = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    first, last = wanted.first, wanted.first + wanted.seeds - 1
    if wanted.seed is not None:
        first = last = wanted.seed
    seeds = range(first, last + 1)
    began = time.monotonic()
    tally: Counter[str] = Counter()
    failed = 0
    for outcome in _outcomes(seeds, wanted.jobs):
        tally += outcome.tally
        if outcome.violation is not None or wanted.verbose:
            failed += outcome.violation is not None
            _tell(outcome, console, whole=wanted.verbose)
            if failed >= wanted.give_up:
                break
    took_s = time.monotonic() - began
    console.print(
        f"{len(seeds)} seeds, {first} to {last}, in {took_s:.0f} s: {failed} violations", markup=False
    )
    console.print("  ".join(f"{what}: {n}" for what, n in sorted(tally.items())), markup=False)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autopyfactory.sim.dst", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--give-up", type=int, default=5, help="violations after which to stop")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every event")
    return parser


def _outcomes(seeds: Sequence[int], jobs: int) -> Iterable[Outcome]:
    if jobs == 1 or len(seeds) == 1:
        yield from map(play, seeds)
        return
    with multiprocessing.Pool(jobs, initializer=_silence) as pool:
        yield from pool.imap(_play_briefly, seeds, chunksize=5)


def _play_briefly(seed: int) -> Outcome:
    """Play in a process of the pool, and hand back no more events than will be shown."""
    outcome = play(seed)
    return Outcome(seed, outcome.violation, outcome.events[-LAST_EVENTS:], outcome.tally)


def _silence() -> None:
    """Let the factories of these worlds not log: thousands of faults are meant."""
    logging.disable(logging.CRITICAL)


def _tell(outcome: Outcome, console: Console, *, whole: bool) -> None:
    for at_s, kind, what in outcome.events if whole else outcome.events[-LAST_EVENTS:]:
        console.print(f"{at_s:10.3f} s  {kind:10} {what}", markup=False)
    if outcome.violation is not None:
        console.print(f"seed {outcome.seed} violates: {outcome.violation.invariant}", markup=False)
        console.print(outcome.violation.what, markup=False)
        console.print(f"again: python -m autopyfactory.sim.dst --seed {outcome.seed} -v", markup=False)


if __name__ == "__main__":
    _silence()
    sys.exit(main(sys.argv[1:]))
