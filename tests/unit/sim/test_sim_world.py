"""The simulated site and WMS: what pilots do, what goes wrong, and that a seed replays exactly."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopyfactory.api import BatchUnavailable, SubmitUnknown
from autopyfactory.model import (
    EndCause,
    FactoryId,
    JobCounts,
    PilotId,
    PilotIds,
    PilotSpec,
    PilotState,
    QueueName,
    WmsQueue,
)
from autopyfactory.sim.batch import SimBatch
from autopyfactory.sim.draw import constant, exponential, lognormal, uniform
from autopyfactory.sim.faults import BatchFaults
from autopyfactory.sim.loop import VirtualClock, run_virtual
from autopyfactory.sim.site import EMPTY, SimSite, SiteSettings
from autopyfactory.sim.timeline import Timeline
from autopyfactory.sim.wms import SimWms, Work

START = datetime(2026, 11, 22, tzinfo=UTC)
BNL = WmsQueue("BNL")
SPEC = PilotSpec(queue=QueueName("BNL"), executable=Path("/bin/true"))


class World:
    """A WMS, a site and a factory's way to it, on one virtual clock."""

    def __init__(self, settings: SiteSettings, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.timeline = Timeline(self.clock)
        self.wms = SimWms(self.timeline, random.Random(seed))
        self.site = SimSite(self.timeline, random.Random(seed), settings, payloads=self.wms)
        self.batch = SimBatch(self.site, FactoryId("ours"))
        self._ids = PilotIds(random.Random(seed).getrandbits)

    def pilots(self, n: int) -> list[PilotId]:
        return self._ids.make(self.clock.now(), n)

    async def submit(self, n: int, spec: PilotSpec = SPEC) -> list[PilotId]:
        pilots = self.pilots(n)
        await self.batch.submit(spec, pilots)
        return pilots

    async def later(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        self.timeline.catch_up()


def play(settings: SiteSettings, story: Callable[[World], Awaitable[None]], seed: int = 1) -> World:
    async def main() -> World:
        world = World(settings, seed)
        await story(world)
        return world

    return run_virtual(main(), START)


def test_pilots_do_the_work_and_the_last_ones_end_empty() -> None:
    async def story(world: World) -> None:
        world.wms.queues[BNL] = Work(payload_s=constant(600), ready=25)
        pilots = await world.submit(10)
        await world.later(31)
        assert world.site.running == {"BNL": 4}
        listing = await world.batch.status()
        assert [listing[p].state for p in pilots].count(PilotState.PENDING) == 6
        await world.later(40_000)
        assert (await world.wms.counts())[BNL] == JobCounts(0, 0, 0, done=25, failed=0)
        assert await world.batch.status() == {}
        endings = await world.batch.ended(pilots)
        assert sorted(e.exit_code or 0 for e in endings.values()) == [0] * 4 + [EMPTY] * 6

    world = play(SiteSettings(slots=4), story)
    assert world.site.peak_running == 4
    assert world.site.endings == {(EndCause.EXIT, 0): 4, (EndCause.EXIT, EMPTY): 6}
    assert world.site.doubled == []


def test_the_job_of_a_cancelled_pilot_is_ready_again() -> None:
    async def story(world: World) -> None:
        world.wms.queues[BNL] = Work(ready=1)
        pilots = await world.submit(1)
        await world.later(60)
        assert world.wms.queues[BNL].running == 1
        await world.batch.cancel(pilots)
        await world.later(0)
        assert world.wms.queues[BNL].counts == JobCounts(0, 1, 0, 0, 0)
        assert (await world.batch.ended(pilots))[pilots[0]].cause is EndCause.CANCELLED

    play(SiteSettings(), story)


def test_jobs_arrive_when_they_are_told_to() -> None:
    async def story(world: World) -> None:
        world.wms.add(BNL, 3)
        world.wms.add(BNL, 4, at=START + timedelta(hours=1))
        assert (await world.wms.counts())[BNL].ready == 3
        assert world.timeline.next_event() == START + timedelta(hours=1)
        await world.later(3600)
        assert (await world.wms.counts())[BNL].ready == 7

    play(SiteSettings(), story)


def test_pilots_die_fast_in_a_black_hole_and_it_takes_more_than_its_share() -> None:
    async def story(world: World) -> None:
        world.wms.queues[BNL] = Work(ready=100)
        await world.submit(60)
        await world.later(3000)

    world = play(SiteSettings(slots=10, slots_per_node=1, black_holes=1, queue_latency_s=constant(0)), story)
    assert {past.host for past in world.site.past.values()} == {"node000.sim"}
    assert world.site.endings[EndCause.EXIT, 1] == 51, "nine work, all others fell into the hole"


def test_held_pilots_stay_held_with_their_reason() -> None:
    async def story(world: World) -> None:
        pilots = await world.submit(5)
        await world.later(10_000)
        listing = await world.batch.status()
        assert {(s.state, bool(s.reason)) for s in listing.values()} == {(PilotState.HELD, True)}
        await world.batch.cancel(pilots)
        assert await world.batch.status() == {}

    play(SiteSettings(held_share=1), story)


def test_walltime_ends_a_pilot() -> None:
    async def story(world: World) -> None:
        world.wms.queues[BNL] = Work(payload_s=constant(7200), ready=1)
        spec = PilotSpec(queue=QueueName("BNL"), executable=Path("/bin/true"), walltime_s=3600)
        (pilot,) = await world.submit(1, spec)
        await world.later(4000)
        ending = (await world.batch.ended([pilot]))[pilot]
        assert (ending.cause, ending.wall_s) == (EndCause.REMOVED, 3600)
        assert world.wms.queues[BNL].ready == 1

    play(SiteSettings(), story)


def test_a_second_submission_of_one_pilot_is_found_out() -> None:
    async def story(world: World) -> None:
        pilots = await world.submit(2)
        await world.batch.submit(SPEC, pilots[:1])
        await world.later(31)
        assert world.site.running_total == 3
        await world.batch.cancel(pilots)
        await world.later(0)
        assert world.site.live_total == 0
        assert world.site.doubled == pilots[:1]

    play(SiteSettings(), story)


def test_faults_of_listing() -> None:
    async def story(world: World) -> None:
        faults = world.site.faults = BatchFaults(listing_lag_s=60)
        await world.submit(1000)
        assert await world.batch.status() == {}
        await world.later(60)
        assert len(await world.batch.status()) == 1000
        faults.forgotten_share = 0.3
        assert 600 < len(await world.batch.status()) < 800
        faults.forgotten_share, faults.listing_repeats = 0, 1
        before = await world.batch.status()
        await world.submit(1)
        assert await world.batch.status() == before
        faults.listing_repeats, faults.listing_fails = 0, 1
        with pytest.raises(BatchUnavailable):
            await world.batch.status()

    play(SiteSettings(queue_latency_s=constant(1e6)), story)


def test_a_lost_reply_leaves_pilots_that_appear_later_and_a_lost_request_none() -> None:
    async def story(world: World) -> None:
        world.site.faults = BatchFaults(reply_lost=1, deed_lag_s=90)
        with pytest.raises(SubmitUnknown):
            await world.submit(3)
        assert await world.batch.status() == {}
        await world.later(90)
        assert len(await world.batch.status()) == 3
        world.site.faults = BatchFaults(request_lost=1)
        with pytest.raises(SubmitUnknown):
            await world.submit(3)
        await world.later(1e5)
        assert world.site.submitted == {"BNL": 3}

    play(SiteSettings(queue_latency_s=constant(1e6)), story)


def test_a_late_cancel_races_the_start() -> None:
    async def story(world: World) -> None:
        world.site.faults = BatchFaults(cancel_lag_s=60)
        pilots = await world.submit(1)
        await world.batch.cancel(pilots)
        await world.later(31)
        assert (await world.batch.status())[pilots[0]].state is PilotState.RUNNING
        await world.later(60)
        assert await world.batch.status() == {}

    play(SiteSettings(startup_s=constant(1000)), story)


def test_a_missing_history_and_a_skewed_clock() -> None:
    async def story(world: World) -> None:
        world.site.faults = BatchFaults(history_missing_share=0.5, clock_skew_s=3600)
        pilots = await world.submit(200)
        assert (await world.batch.status())[pilots[0]].since == START + timedelta(hours=1)
        world.site.faults.clock_skew_s = -60
        assert (await world.batch.status())[pilots[0]].since == START - timedelta(minutes=1)
        await world.later(10_000)
        endings = await world.batch.ended(pilots)
        assert 60 < len(endings) < 140
        assert endings == await world.batch.ended(pilots), "what is missing stays missing"

    play(SiteSettings(), story)


def test_slow_answers_take_their_time() -> None:
    async def story(world: World) -> None:
        world.site.faults = BatchFaults(slow_s=constant(40))
        await world.submit(1)
        await world.batch.status()
        assert world.clock.now() == START + timedelta(seconds=80)

    play(SiteSettings(), story)


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_replays_exactly(seed: int) -> None:
    settings = SiteSettings(
        slots=20,
        queue_latency_s=exponential(60),
        startup_s=uniform(5, 50),
        held_share=0.05,
        failed_share=0.1,
        black_holes=1,
    )

    async def story(world: World) -> None:
        world.wms.queues[BNL] = Work(payload_s=lognormal(900, 1), failed_share=0.1, ready=300)
        world.site.faults = BatchFaults(refused_share=0.1, history_missing_share=0.1, forgotten_share=0.1)
        for _ in range(50):
            await world.submit(10)
            await world.batch.status()
            await world.later(600)

    one, two = play(settings, story, seed), play(settings, story, seed)
    assert one.site.past == two.site.past
    assert one.wms.queues[BNL].counts == two.wms.queues[BNL].counts
    assert one.site.past != play(settings, story, seed + 100).site.past
