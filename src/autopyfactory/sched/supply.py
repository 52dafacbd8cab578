"""Pilots that are still to fetch one of the jobs that the WMS counted as ready."""

from autopyfactory.model import PilotCounts, QueueState


def on_the_way(state: QueueState, pilots: PilotCounts) -> int:
    """Return how many pilots wait, or started only after the WMS counted its jobs.

    The second kind is in no formula of APF 2: it saw those pilots as running and their jobs as still ready,
    and submitted once more for the same jobs.
    """
    return pilots.waiting + state.just_started
