"""What every batch plugin must do: a suite to subclass.

    class TestMyBatch(BatchContract):
        @pytest.fixture
        async def harness(self, tmp_path: Path) -> AsyncIterator[BatchHarness]:
            harness = MyHarness(tmp_path)
            yield harness
            await harness.tidy()

The harness (`autopyfactory.testkit.batch_harness`) puts the plugin on a backend and says what can be done to
that.  The suite runs on real batch systems too: it waits for what it expects and counts on no speed.
"""

import signal
from collections.abc import Mapping

import pytest

from autopyfactory.api import (
    BatchUnavailable,
    Deadline,
    SubmitRejected,
    SubmitTooLate,
    SubmitUnknown,
    uptime_s,
)
from autopyfactory.batch.environment import PILOT
from autopyfactory.model import EndCause, PilotId, PilotState
from autopyfactory.testkit.batch_harness import BatchHarness, Listing, absent, listed, running

__all__ = ["BatchContract", "BatchHarness"]


class BatchContract:
    """Subclass it, and override the fixture `harness`."""

    @pytest.fixture
    async def harness(self) -> BatchHarness:
        """Return the plugin on its backend."""
        raise NotImplementedError("override the fixture `harness`")

    # submitting and listing

    async def test_submitted_pilots_are_listed_by_tag(self, harness: BatchHarness) -> None:
        spec = await harness.waiting()
        pilots = harness.pilots(5)
        result = await harness.batch.submit(spec, pilots)
        assert set(result.accepted) == set(pilots)
        assert not result.refused
        assert len(set(result.accepted.values())) == len(pilots), "every pilot has a batch id of its own"
        listing = await harness.settle(listed(pilots), "all pilots are listed")
        for pilot in pilots:
            assert listing[pilot].batch_id == result.accepted[pilot]
            assert listing[pilot].queue == spec.queue
            assert listing[pilot].state is PilotState.PENDING

    async def test_pilots_of_several_queues_share_one_listing(self, harness: BatchHarness) -> None:
        one, two = await harness.waiting(queue="CONTRACT-ONE"), await harness.waiting(queue="CONTRACT-TWO")
        ones, twos = harness.pilots(2), harness.pilots(3)
        await harness.batch.submit(one, ones)
        await harness.batch.submit(two, twos)
        listing = await harness.settle(listed([*ones, *twos]), "the pilots of both queues are listed")
        assert {listing[pilot].queue for pilot in ones} == {one.queue}
        assert {listing[pilot].queue for pilot in twos} == {two.queue}

    async def test_an_empty_submission_is_harmless(self, harness: BatchHarness) -> None:
        result = await harness.batch.submit(harness.spec(), [])
        assert (dict(result.accepted), dict(result.refused)) == ({}, {})

    async def test_an_impossible_submission_is_rejected_whole(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(3)
        with pytest.raises(SubmitRejected) as rejection:
            await harness.batch.submit(harness.impossible(), pilots)
        assert str(rejection.value), "the error says what to do next"
        await _exist_nowhere(harness, pilots)

    async def test_nothing_is_submitted_after_the_deadline(self, harness: BatchHarness) -> None:
        late, in_time = harness.pilots(2), harness.pilots(1)
        with pytest.raises(SubmitTooLate):
            await harness.batch.submit(harness.spec(), late, deadline=Deadline(0.0))
        await _exist_nowhere(harness, late)
        result = await harness.batch.submit(harness.spec(), in_time, deadline=Deadline(uptime_s() + 600))
        assert list(result.accepted) == in_time

    async def test_unknown_pilots_are_neither_listed_nor_ended(self, harness: BatchHarness) -> None:
        await _exist_nowhere(harness, harness.pilots(2))
        assert await harness.batch.ended([]) == {}

    # running and ending

    async def test_a_running_pilot_is_listed_as_running_and_has_not_ended(
        self, harness: BatchHarness
    ) -> None:
        pilots = harness.pilots(1)
        await harness.batch.submit(harness.spec(sleep_s=harness.long_s), pilots)
        listing = await harness.settle(running(pilots), "the pilot runs")
        assert listing[pilots[0]].host
        assert listing[pilots[0]].since is not None
        assert await harness.batch.ended(pilots) == {}

    async def test_endings_tell_how_each_pilot_ended(self, harness: BatchHarness) -> None:
        well, badly, killed = harness.pilots(3)
        await harness.batch.submit(harness.spec(sleep_s=1), [well])
        await harness.batch.submit(harness.spec(exit_code=7), [badly])
        await harness.batch.submit(harness.spec(signal_number=signal.SIGKILL), [killed])
        endings = await harness.endings([well, badly, killed])
        assert (endings[well].cause, endings[well].exit_code) == (EndCause.EXIT, 0)
        assert (endings[badly].cause, endings[badly].exit_code) == (EndCause.EXIT, 7)
        assert (endings[killed].cause, endings[killed].signal) == (EndCause.SIGNAL, signal.SIGKILL)
        assert endings[killed].exit_code is None
        ending = endings[well]
        assert ending.wall_s is not None
        assert 0.9 <= ending.wall_s < harness.patience_s
        assert ending.host
        assert ending.started_at is not None
        assert ending.ended_at is not None
        assert ending.started_at <= ending.ended_at
        await harness.settle(absent([well, badly, killed]), "ended pilots leave the listing")
        assert await harness.batch.ended([well, badly, killed]) == endings, "asking again gives the same"

    async def test_an_ending_is_told_for_the_pilots_that_are_asked_for(self, harness: BatchHarness) -> None:
        asked, other = harness.pilots(2)
        await harness.batch.submit(harness.spec(), [asked, other])
        await harness.endings([asked, other])
        assert set(await harness.batch.ended([asked])) == {asked}

    # cancelling

    async def test_cancelled_pilots_are_gone_and_their_ending_says_why(self, harness: BatchHarness) -> None:
        runs = harness.pilots(1)
        await harness.batch.submit(harness.spec(sleep_s=harness.long_s), runs)
        await harness.settle(running(runs), "the first pilot runs")
        waits = harness.pilots(2)
        await harness.batch.submit(await harness.waiting(), waits)
        await harness.settle(listed(waits), "the others wait")
        await harness.batch.cancel([*runs, waits[0]])
        await harness.settle(absent([*runs, waits[0]]), "the cancelled pilots are gone")
        endings = await harness.endings([*runs, waits[0]])
        assert {ending.cause for ending in endings.values()} <= {EndCause.CANCELLED, EndCause.REMOVED}
        assert waits[1] in await harness.batch.status(), "nobody cancelled the third"

    async def test_cancelling_twice_or_the_unknown_is_harmless(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(2)
        await harness.batch.submit(await harness.waiting(), pilots)
        await harness.settle(listed(pilots), "the pilots are listed")
        for _ in range(2):
            await harness.batch.cancel([pilots[0], *harness.pilots(1)])
        await harness.batch.cancel([])
        await harness.settle(absent([pilots[0]]), "the cancelled pilot is gone")
        await harness.batch.cancel([pilots[0]])
        assert pilots[1] in await harness.batch.status()

    async def test_cancelling_only_what_waits_spares_what_runs(self, harness: BatchHarness) -> None:
        runs = harness.pilots(1)
        await harness.batch.submit(harness.spec(sleep_s=harness.long_s), runs)
        await harness.settle(running(runs), "the first pilot runs")
        waits = harness.pilots(1)
        await harness.batch.submit(await harness.waiting(), waits)
        await harness.settle(listed(waits), "the second waits")
        await harness.batch.cancel([*runs, *waits], waiting_only=True)
        await harness.settle(absent(waits), "the waiting pilot is gone")
        assert runs[0] in await harness.batch.status()

    async def test_releasing_what_is_not_held_is_harmless(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(1)
        await harness.batch.submit(await harness.waiting(), pilots)
        await harness.settle(listed(pilots), "the pilot is listed")
        await harness.batch.release([*pilots, *harness.pilots(1)])
        assert pilots[0] in await harness.batch.status()

    async def test_cancelling_an_ended_pilot_leaves_its_ending(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(1)
        await harness.batch.submit(harness.spec(exit_code=7), pilots)
        before = await harness.endings(pilots)
        await harness.batch.cancel(pilots)
        assert await harness.batch.ended(pilots) == before

    # identity

    async def test_another_factorys_pilots_are_left_alone(self, harness: BatchHarness) -> None:
        foreign = await harness.foreign()
        theirs, ours = harness.pilots(2), harness.pilots(1)
        spec = await harness.waiting()
        await foreign.submit(spec, theirs)
        await harness.batch.submit(spec, ours)
        await harness.settle(listed(theirs), "their pilots are listed for them", batch=foreign)
        listing = await harness.settle(listed(ours), "our pilot is listed for us")
        assert not set(theirs) & set(listing)
        await harness.batch.cancel(theirs)
        await harness.batch.cancel(ours)
        await harness.settle(absent(ours), "our pilot is gone")
        assert set(theirs) <= set(await foreign.status())
        assert await harness.batch.ended(theirs) == {}

    async def test_a_restarted_factory_finds_its_pilots_again(self, harness: BatchHarness) -> None:
        ended, runs = harness.pilots(2)
        await harness.batch.submit(harness.spec(exit_code=7), [ended])
        await harness.batch.submit(harness.spec(sleep_s=harness.long_s), [runs])
        await harness.settle(running([runs]), "the pilot runs")
        waits = harness.pilots(2)
        result = await harness.batch.submit(await harness.waiting(), waits)
        await harness.settle(listed(waits), "the others wait")
        await harness.batch.close()
        again = await harness.remake()
        listing = await harness.settle(listed([runs, *waits]), "all are found again", batch=again)
        assert listing[runs].state is PilotState.RUNNING
        assert {pilot: listing[pilot].batch_id for pilot in waits} == dict(result.accepted)
        endings = await harness.endings([ended], batch=again)
        assert endings[ended].exit_code == 7
        await again.cancel([runs, *waits])
        await harness.settle(absent([runs, *waits]), "they obey the new one", batch=again)

    async def test_closing_twice_is_harmless_and_pilots_live_on(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(1)
        await harness.batch.submit(await harness.waiting(), pilots)
        await harness.batch.close()
        await harness.batch.close()
        again = await harness.remake()
        await harness.settle(listed(pilots), "the pilot lives on", batch=again)

    async def test_pilots_know_who_they_are_and_write_their_logs(self, harness: BatchHarness) -> None:
        if not harness.runs_commands:
            pytest.skip("this backend runs no commands, so there is no environment and no output")
        pilots = harness.pilots(2)
        spec = harness.prints_environment()
        result = await harness.batch.submit(spec, pilots)
        endings = await harness.endings(pilots)
        assert {ending.exit_code for ending in endings.values()} == {0}
        for pilot in pilots:
            batch_id = result.accepted[pilot]
            assert (spec.log_dir / f"{batch_id}.err").exists()
            environment = _variables((spec.log_dir / f"{batch_id}.out").read_text())
            assert environment[PILOT] == pilot
            assert environment["PANDA_JSID"] == environment["APFFID"] == harness.factory
            assert environment["APFCID"] == batch_id
            assert environment["FACTORY_JOBID"].endswith(f"#{batch_id}")
            assert environment["FACTORYQUEUE"] == spec.queue
            assert environment["FACTORYUSER"]
            assert environment["GTAG"] == f"{spec.log_url}/{batch_id}.out"
            assert environment["APFMON"] == spec.environment["APFMON"]
            assert environment["APF_CONTRACT"] == spec.environment["APF_CONTRACT"], (
                "quoting is the plugin's job"
            )

    # faults that only some backends can be made to show

    async def test_a_partial_submission_is_reported(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(6)
        spec = await harness.waiting()
        async with harness.partial_submissions() as batch:
            result = await batch.submit(spec, pilots)
        assert result.accepted
        assert result.refused
        assert set(result.accepted) | set(result.refused) == set(pilots)
        assert not set(result.accepted) & set(result.refused)
        assert all(result.refused.values()), "each refusal has its reason"
        listing = await harness.settle(listed(result.accepted), "the accepted pilots are listed")
        assert not set(listing) & set(result.refused)

    async def test_a_lost_reply_is_unknown_and_the_pilots_are_found_by_tag(
        self, harness: BatchHarness
    ) -> None:
        pilots = harness.pilots(3)
        spec = await harness.waiting()
        async with harness.replies_lost_after_the_deed() as batch:
            with pytest.raises(SubmitUnknown):
                await batch.submit(spec, pilots)
        await harness.settle(listed(pilots), "the pilots exist, and are found by tag")

    async def test_a_request_lost_on_its_way_leaves_nothing(self, harness: BatchHarness) -> None:
        pilots = harness.pilots(3)
        spec = await harness.waiting()
        async with harness.requests_lost() as batch:
            with pytest.raises((SubmitUnknown, SubmitRejected)):
                await batch.submit(spec, pilots)
        await _exist_nowhere(harness, pilots)

    async def test_a_failed_listing_is_no_listing(self, harness: BatchHarness) -> None:
        async with harness.unreachable() as batch:
            with pytest.raises(BatchUnavailable) as trouble:
                await batch.status()
            with pytest.raises(BatchUnavailable):
                await batch.ended(harness.pilots(1))
        assert str(trouble.value)


async def _exist_nowhere(harness: BatchHarness, pilots: list[PilotId]) -> None:
    listing: Listing = await harness.batch.status()
    assert not set(pilots) & set(listing)
    assert await harness.batch.ended(pilots) == {}


def _variables(output: str) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
