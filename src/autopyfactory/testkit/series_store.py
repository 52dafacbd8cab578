"""What a store must tell of numbers over time: a suite to subclass, as `testkit.store` is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from autopyfactory.api import MAX_POINTS, SeriesPoint, WebStore
from autopyfactory.model import (
    CycleRecord,
    EndCause,
    Fate,
    JobCounts,
    PilotCounts,
    PilotId,
    PilotState,
    QueueName,
    Transition,
)
from autopyfactory.testkit.store import AGLT2, BNL, MINUTE, NOW, a_cycle, pilot_ids

__all__ = ["SeriesOpener", "SeriesStoreContract"]

SeriesOpener = Callable[[], Awaitable[WebStore]]
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE


class SeriesStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> SeriesOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def store(self, opener: SeriesOpener) -> AsyncIterator[WebStore]:
        """Return the store, opened once."""
        store = await opener()
        yield store
        await store.close()

    @pytest.mark.parametrize("window", [HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY, 400 * DAY])
    @pytest.mark.parametrize("queue", [AGLT2, None])
    async def test_a_window_has_few_steps_and_keeps_all_sums(
        self, store: WebStore, window: timedelta, queue: QueueName | None
    ) -> None:
        times = [NOW - window + n * window / 40 + MINUTE / 2 for n in range(40)]
        for at in times:
            await store.plan(_cycle(AGLT2, at, planned=3), [], "schedd")
            await store.plan(_cycle(BNL, at, planned=1), [], "schedd")
        series = await store.series(NOW - window, NOW, queue)
        assert window / series.step <= MAX_POINTS
        assert series.since <= NOW - window < series.since + series.step
        assert all((point.at - series.since) % series.step == timedelta(0) for point in series.points)
        assert [point.at for point in series.points] == sorted({point.at for point in series.points})
        assert sum(point.submitted for point in series.points) == (40 * 3 if queue else 40 * 4)

    @pytest.mark.parametrize("days", [0, 3])
    async def test_gauges_are_means_of_what_was_known(self, store: WebStore, days: int) -> None:
        at = NOW.replace(minute=0, second=0, microsecond=0) - days * DAY
        for n, ready in enumerate((10, None, 20)):
            await store.plan(_cycle(AGLT2, at + n * timedelta(seconds=1), ready=ready), [], "schedd")
        series = await store.series(at, at + max(days, 1) * DAY + HOUR * (days > 0), AGLT2)
        [point] = series.points
        assert point == SeriesPoint(at, ready=15, pending=4, running=7)

    @pytest.mark.parametrize("days", [0, 3])
    async def test_what_was_never_known_is_not_zero(self, store: WebStore, days: int) -> None:
        at = NOW - days * DAY
        cycle = _cycle(AGLT2, at, ready=None)
        await store.plan(replace(cycle, state=replace(cycle.state, pilots=None)), [], "schedd")
        for queue in (AGLT2, None):
            [point] = (await store.series(at - HOUR, NOW + HOUR, queue)).points
            assert (point.ready, point.pending, point.running) == (None, None, None)
            assert point.unknown == (0 if queue else 1)
        assert (await store.series(NOW - HOUR, NOW + HOUR, BNL)).points == ()

    @pytest.mark.parametrize("window", [HOUR, 12 * HOUR, 3 * DAY])
    async def test_queues_add_up_and_those_that_know_nothing_are_told(
        self, store: WebStore, window: timedelta
    ) -> None:
        at = NOW.replace(minute=0, second=0, microsecond=0) - HOUR / 2
        await store.plan(_cycle(AGLT2, at, ready=10), [], "schedd")
        await store.plan(_cycle(BNL, at, ready=5), [], "schedd")
        await store.plan(_cycle(QueueName("dark"), at, ready=None), [], "schedd")
        [point] = (await store.series(NOW - window, NOW)).points
        assert (point.ready, point.running, point.unknown) == (15, 21, 1)

    async def test_a_queue_that_cycles_seldom_leaves_no_dips(self, store: WebStore) -> None:
        for n in range(30):
            await store.plan(_cycle(AGLT2, NOW - HOUR + 2 * n * MINUTE, ready=10), [], "schedd")
        for n in range(6):
            await store.plan(_cycle(BNL, NOW - HOUR + 10 * n * MINUTE, ready=5), [], "schedd")
        series = await store.series(NOW - HOUR, NOW)
        assert {point.ready for point in series.points} == {15}

    async def test_a_step_that_has_just_begun_has_no_sum_yet(self, store: WebStore) -> None:
        at = NOW.replace(minute=0, second=0, microsecond=0)
        for n in range(2):
            await store.plan(_cycle(AGLT2, at + n * 10 * MINUTE, ready=10, planned=1), [], "schedd")
        await store.plan(_cycle(BNL, at, ready=5), [], "schedd")
        points = (await store.series(at - 6 * HOUR, at + 11 * MINUTE)).points
        assert [(point.ready, point.submitted) for point in points] == [(15, 1), (None, 1)]

    async def test_endings_are_counted_by_what_became_of_the_pilots(self, store: WebStore) -> None:
        names = pilot_ids(7)
        await store.plan(_cycle(AGLT2, NOW), names, "schedd")
        await store.record(
            [
                _end(names[0], PilotState.DONE, EndCause.EXIT, empty=False),
                _end(names[1], PilotState.DONE, EndCause.EXIT, empty=True),
                _end(names[2], PilotState.FAILED, EndCause.SIGNAL),
                _end(names[3], PilotState.REMOVED, EndCause.CANCELLED),
                _end(names[4], PilotState.LOST, EndCause.VANISHED),
                _end(names[5], PilotState.FAILED, EndCause.REFUSED),
            ]
        )
        for queue in (AGLT2, None):
            series = await store.series(NOW, NOW + HOUR, queue)
            assert series.points[0] == SeriesPoint(series.points[0].at, 10, 4, 7)
            assert series.points[1].endings == dict.fromkeys(Fate, 1)
            assert series.points[1].ready is None
            assert [point.observed for point in series.points] == [True, False]
        assert (await store.series(NOW, NOW + HOUR, BNL)).points == ()

    async def test_the_times_of_pilots_are_summed_up(self, store: WebStore) -> None:
        names = pilot_ids(4)
        await store.plan(_cycle(AGLT2, NOW), names, "schedd")
        started = [NOW + timedelta(seconds=wait_s) for wait_s in (2, 100, -1)]
        await store.record(
            [
                replace(_end(names[0], PilotState.DONE, empty=False), started_at=started[0], wall_s=3000.0),
                replace(_end(names[1], PilotState.DONE, empty=True), started_at=started[1], wall_s=20.0),
                replace(_end(names[2], PilotState.FAILED), started_at=started[2], wall_s=580.0),
                _end(names[3], PilotState.LOST),
            ]
        )
        for queue in (AGLT2, None):
            times = await store.pilot_times(NOW, NOW + HOUR, queue)
            assert times.endings == {Fate.WORKED: 1, Fate.EMPTY: 1, Fate.FAILED: 1, Fate.LOST: 1}
            assert times.ended == 4
            assert times.waits == (1, 1, 0, 0, 1, *[0] * 9)
            assert times.walls == (0, 1, 0, 0, 1, 0, 1, *[0] * 8)
            assert times.mean_wait_s == pytest.approx(34)
            assert times.mean_wall_s == pytest.approx(1200)
            assert (times.node_s, times.work_s) == (3600, 3000)
        nothing = await store.pilot_times(NOW, NOW + HOUR, BNL)
        assert (nothing.ended, nothing.mean_wait_s, nothing.mean_wall_s) == (0, None, None)

    async def test_sums_of_hours_outlive_their_cycles(self, store: WebStore) -> None:
        for day in (20, 10, 1):
            await store.plan(_cycle(AGLT2, NOW - day * DAY, ready=day, planned=day), [], "schedd")
        await store.prune(NOW - 15 * DAY, NOW - 5 * DAY)
        for queue in (AGLT2, None):
            points = (await store.series(NOW - 30 * DAY, NOW, queue)).points
            assert [point.ready for point in points] == [10, 1]
            assert sum(point.submitted for point in points) == 11


def _cycle(queue: QueueName, at: datetime, ready: int | None = 10, planned: int = 0) -> CycleRecord:
    cycle = a_cycle(queue, at, planned)
    pilots = PilotCounts(planned=1, pending=2, held=1, running=7, retiring=3)
    return replace(cycle, state=replace(cycle.state, jobs=JobCounts(ready=ready), pilots=pilots))


def _end(
    pilot: PilotId, state: PilotState, cause: EndCause = EndCause.EXIT, *, empty: bool | None = None
) -> Transition:
    at = NOW + 30 * MINUTE
    return Transition(pilot, at, state, ended_at=at, cause=cause, empty=empty)
