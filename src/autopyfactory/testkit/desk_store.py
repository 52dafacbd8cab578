"""What a store must do for the web and for operators: a suite to subclass, as `testkit.store` is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from autopyfactory.api import DeskStore, EndingField
from autopyfactory.model import (
    ApiToken,
    AuditEntry,
    EndCause,
    Override,
    OverrideKind,
    PilotCounts,
    PilotReport,
    PilotState,
    Report,
    Retirement,
    Scope,
    Transition,
)
from autopyfactory.testkit.store import AGLT2, BNL, MINUTE, NOW, a_cycle, pilot_ids

__all__ = ["DeskOpener", "DeskStoreContract"]

DeskOpener = Callable[[], Awaitable[DeskStore]]
AUDIT = AuditEntry(NOW, "ann", "drain", "AGLT2", "maintenance", "192.0.2.1")


class DeskStoreContract:
    """Subclass it, and override the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> DeskOpener:
        """Return what opens the store under test."""
        raise NotImplementedError("override the fixture `opener`")

    @pytest.fixture
    async def desk(self, opener: DeskOpener) -> AsyncIterator[DeskStore]:
        """Return the store, opened once."""
        store = await opener()
        yield store
        await store.close()

    async def test_reports_are_kept_once_and_only_of_known_pilots(self, desk: DeskStore) -> None:
        known, stranger = pilot_ids(2)
        await desk.plan(a_cycle(planned=1), [known], "schedd")
        first = PilotReport(known, 0, NOW, Report.STARTED, NOW + MINUTE, "node\0 7", "größer", '{"cores":8}')
        second = PilotReport(known, 1, NOW + MINUTE, Report.EXITING, NOW + MINUTE)
        lost = PilotReport(stranger, 0, NOW, Report.STARTED, NOW)
        assert await desk.add_reports([second, first, lost]) == {stranger}
        assert await desk.add_reports([replace(first, message="again")]) == frozenset()
        kept = replace(first, host="node\ufffd 7")
        assert await desk.reports(known) == [kept, second]
        assert await desk.reports(known, after=0) == [second]
        assert await desk.reports(known, limit=1) == [kept]
        assert await desk.reports(stranger) == []
        assert await desk.add_reports([]) == frozenset()

    async def test_reports_go_with_their_pilot(self, desk: DeskStore) -> None:
        (pilot,) = pilot_ids(1)
        await desk.plan(a_cycle(planned=1), [pilot], "schedd")
        await desk.add_reports([PilotReport(pilot, 0, NOW, Report.HEARTBEAT, NOW)])
        await desk.record([Transition(pilot, NOW, PilotState.DONE, cause=EndCause.EXIT)])
        assert await desk.prune(NOW + MINUTE, NOW) == 1
        assert await desk.reports(pilot) == []

    async def test_the_last_override_of_a_queue_counts(self, desk: DeskStore, opener: DeskOpener) -> None:
        drained = Override(AGLT2, OverrideKind.DRAINED, "ann", NOW, "disk")
        downtime = Override(AGLT2, OverrideKind.DOWNTIME, "bob", NOW, until=NOW + MINUTE)
        other = replace(drained, queue=BNL)
        for override in (drained, other, downtime):
            await desk.set_override(override.queue, override, AUDIT)
        await desk.close()
        again = await opener()
        assert await again.overrides() == {AGLT2: downtime, BNL: other}
        await again.set_override(AGLT2, None, replace(AUDIT, action="resume"))
        await again.set_override(AGLT2, None, replace(AUDIT, action="resume"))
        assert await again.overrides() == {BNL: other}
        assert len(await again.audit()) == 5
        await again.close()

    async def test_what_is_to_be_removed_is_told_until_the_pilot_changes(
        self, desk: DeskStore, opener: DeskOpener
    ) -> None:
        pilots = pilot_ids(4)
        *known, stranger = pilots
        await desk.plan(a_cycle(planned=3), known, "schedd")
        await desk.record([Transition(pilot, NOW, PilotState.PENDING) for pilot in known])
        asked = [Retirement(pilot, NOW, "ann", NOW + MINUTE, "broken node\0") for pilot in pilots]
        await desk.retire(asked, replace(AUDIT, action="retire"))
        await desk.close()
        again = await opener()
        kept = {r.pilot: replace(r, why="broken node\ufffd") for r in asked if r.pilot != stranger}
        assert await again.retirements() == kept
        assert [entry.action for entry in await again.audit()] == ["retire"]
        marked, started, ended = known
        await again.record(
            [
                Transition(marked, NOW + MINUTE, PilotState.PENDING, retiring=True),
                Transition(started, NOW + MINUTE, PilotState.RUNNING),
                Transition(ended, NOW, PilotState.REMOVED),
            ]
        )
        assert await again.retirements() == {}
        once_more = Retirement(started, NOW + MINUTE, "bob", NOW + 2 * MINUTE)
        await again.retire([once_more], AUDIT)
        assert await again.retirements() == {started: once_more}
        await again.record([Transition(started, NOW + MINUTE, PilotState.DONE, cause=EndCause.EXIT)])
        assert await again.prune(NOW + 2 * MINUTE, NOW) == 2
        assert await again.retirements() == {}
        await again.close()

    async def test_the_audit_trail_in_pages_newest_first(self, desk: DeskStore) -> None:
        for n in range(5):
            await desk.note(replace(AUDIT, target=f"q{n}"))
        page = await desk.audit(limit=2)
        assert [entry.target for entry in page] == ["q4", "q3"]
        rest = await desk.audit(before=page[-1].id, limit=10)
        assert [entry.target for entry in rest] == ["q2", "q1", "q0"]
        assert replace(rest[-1], id=None) == replace(AUDIT, target="q0")
        await desk.prune(NOW + MINUTE, NOW)
        assert await desk.audit() == []

    async def test_tokens_are_found_by_digest_and_revoked_once(self, desk: DeskStore) -> None:
        token = ApiToken("t1", "dashboard", "d" * 64, frozenset({Scope.READ, Scope.OPERATE}), NOW)
        passing = ApiToken("t2", "ann", "e" * 64, frozenset(), NOW + MINUTE, NOW + 2 * MINUTE)
        await desk.add_token(token, AUDIT)
        await desk.add_token(passing, AUDIT)
        with pytest.raises(ValueError, match="t1"):
            await desk.add_token(token, AUDIT)
        assert await desk.tokens() == [token, passing]
        assert await desk.token("d" * 64) == token
        assert await desk.token("f" * 64) is None
        assert await desk.revoke_token("t1", NOW + MINUTE, AUDIT)
        assert not await desk.revoke_token("t1", NOW + 2 * MINUTE, AUDIT)
        assert not await desk.revoke_token("t9", NOW, AUDIT)
        assert await desk.token("d" * 64) == replace(token, revoked_at=NOW + MINUTE)
        assert len(await desk.audit()) == 3

    async def test_live_pilots_are_counted_by_queue(self, desk: DeskStore) -> None:
        pilots = pilot_ids(4)
        await desk.plan(a_cycle(planned=4), pilots, "schedd")
        await desk.plan(a_cycle(BNL, planned=1), pilot_ids(1, seed=2), "schedd")
        await desk.record(
            [
                Transition(pilots[0], NOW, PilotState.RUNNING),
                Transition(pilots[1], NOW, PilotState.RUNNING, retiring=True),
                Transition(pilots[2], NOW, PilotState.LOST),
            ]
        )
        assert await desk.live_counts() == {
            AGLT2: PilotCounts(planned=1, running=1, retiring=1),
            BNL: PilotCounts(planned=1),
        }

    async def test_endings_in_groups_largest_first(self, desk: DeskStore) -> None:
        pilots = pilot_ids(4)
        await desk.plan(a_cycle(planned=4), pilots, "schedd")
        for n, pilot in enumerate(pilots[:3]):
            host = "bad" if n else "good"
            end = Transition(pilot, NOW + n * MINUTE, PilotState.FAILED, host=host, exit_code=n and 1)
            await desk.record([end])
        by = [EndingField.HOST, EndingField.EXIT_CODE]
        groups = await desk.ending_groups(NOW, by)
        assert [(group.values, group.pilots) for group in groups] == [(("bad", 1), 2), (("good", 0), 1)]
        assert groups[0].last_at == NOW + 2 * MINUTE
        assert len(await desk.ending_groups(NOW, by, limit=1)) == 1
        assert await desk.ending_groups(NOW, by, queue=BNL) == []
        assert await desk.ending_groups(NOW + timedelta(hours=1), by) == []

    async def test_cycles_and_samples_in_pages(self, desk: DeskStore) -> None:
        for n in range(4):
            await desk.plan(a_cycle(at=NOW + n * MINUTE), [], "schedd")
        page = await desk.cycles(AGLT2, 2)
        rest = await desk.cycles(AGLT2, 10, before=page[-1].id)
        assert [cycle.at for cycle in [*page, *rest]] == [NOW + n * MINUTE for n in (3, 2, 1, 0)]
        assert [sample.at for sample in await desk.samples(NOW, limit=2)] == [NOW, NOW + MINUTE]
