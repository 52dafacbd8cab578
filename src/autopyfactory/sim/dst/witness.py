"""Looks at every deed of a factory in a simulated world, and tells the first one that was wrong.

It knows two sides: the truth (the sites themselves), and what the store durably believes, which it keeps
beside the real store from what that one was given.  The invariants:

**planned before sent**: a pilot that is handed to a batch system is PLANNED in the store, for that queue and
endpoint.
**sent once**: no pilot is handed to a batch system a second time, by whichever life of the factory.
**known**: every pilot at a site is in the store.
**caps**: looked at whenever pilots are planned, the only moment at which any of these numbers grows.  What
waits or runs in truth, plus what is planned and not yet at a site (in flight, whatever became of its
request), plus what is planned now, is within ``max_pending`` (waiting ones of the queue), ``max_to_run``
(of the queue), ``max_per_factory`` and ``max_pilots`` of the endpoint; what is planned at once is within
``max_per_cycle``.  Not counted is what the factory has reason to believe ended when it decides (so the store
says, by an ending that was itself justified) and what it has told to end (*retiring*): in the first two at
once, in the others once it lives on for longer than ``grace_s`` all the same.
**unknown is not a number**: pilots are planned only by a life of the factory that has itself had a good
listing of the endpoint and, for a queue whose number depends on it, a good answer of the WMS, each asked for
within the time for which answers are fresh.
**removed queues are still**: a queue that a new configuration leaves out plans nothing more.
**endings are justified**: an ending that the batch system tells is the true one; *refused* never was at
the site; *unsent* was never handed over, or that is longer ago than ``settle_s``; *vanished* was unknown for
longer than ``grace_s``.  A told ending is never taken back.
**rechecked**: a cancel follows a listing newer than the one that the decision to retire was based on, or
leaves running ones alone by itself.
**running ones are left alone**: no pilot that has started is ended by a cancel of the factory, unless its
queue says so (``retire.running``) or its limit of time is over (``life.running_max_s``).
**one owner** (of two factories on one store, by `Leases`): a fence grows whenever its queue changes hands;
only the owner by the newest one has anything kept in the store for that queue, and nothing that another one
sent reaches a site.
**an heir in time** (looked at by `play`): where a factory dies and the other one is well, no queue is the
dead one's any more when the time of a lease is over.
**done in the end** (looked at by `play`): faults over, all jobs are done and every pilot has an ending.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from autopyfactory.model import (
    BatchStatus,
    CycleRecord,
    EndCause,
    JobCounts,
    Pilot,
    PilotId,
    PilotSpec,
    PilotState,
    QueueName,
    Transition,
    WmsQueue,
)
from autopyfactory.sim.dst.leases import Leases
from autopyfactory.sim.dst.scenario import Scenario
from autopyfactory.sim.job import Past
from autopyfactory.sim.site import SimSite
from autopyfactory.sim.world import World

_WAITS = frozenset({PilotState.PENDING, PilotState.HELD})
_TOLD = frozenset({EndCause.EXIT, EndCause.SIGNAL, EndCause.CANCELLED, EndCause.REMOVED})


@dataclass(frozen=True, slots=True)
class Violation:
    """What must never be, and was."""

    invariant: str
    what: str


class Witness:
    """See above.  After a violation nothing more is noted: it stands at the end of ``events``."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        self.scenario = scenario
        self.world = world
        self.violation: Violation | None = None
        self.events: list[tuple[float, str, str]] = []
        """Seconds since the world began, what kind of event, and what happened."""
        self.believed: dict[PilotId, Pilot] = {}
        """Every pilot that the store was ever given."""
        self.live: dict[PilotId, Pilot] = {}
        """Those of them that it believes live."""
        self.tally: Counter[str] = Counter()
        self.configured: dict[int, set[QueueName]] = {}
        """The queues that each life has at present, or may have while it goes over to others."""
        self.leases = Leases(self.note, self.violate)
        self._began = world.clock.now()
        if scenario.twins is not None:
            for site in world.sites.values():
                site.on_arrival = self.leases.arrived
        self._sent_at: dict[PilotId, datetime] = {}
        self._listed_at: dict[tuple[int, str], datetime] = {}
        self._counted_at: dict[int, datetime] = {}
        self._retire_based_on: dict[tuple[int, QueueName], datetime] = {}
        self._left_in_peace_at: dict[PilotId, datetime] = {}

    def note(self, kind: str, what: str) -> None:
        """Keep an event."""
        if self.violation is None:
            self.events.append(((self.world.clock.now() - self._began).total_seconds(), kind, what))
            self.tally[kind] += 1

    def violate(self, invariant: str, what: str) -> None:
        """Keep the first violation."""
        if self.violation is None:
            self.note("VIOLATION", f"{invariant}: {what}")
            self.violation = Violation(invariant, what)

    # --- what the store is given

    def planned(self, life: int, cycle: CycleRecord, pilots: Sequence[PilotId], endpoint: str) -> None:
        """Look at a cycle that was stored."""
        if cycle.decision.retire and (listed_at := _input_at(cycle, f"batch.{endpoint}")):
            self._retire_based_on[life, cycle.queue] = listed_at
        if not pilots:
            return
        self.note("plan", f"{cycle.queue}: {len(pilots)} at {endpoint}: {pilots[0]} …")
        if cycle.queue not in self.configured[life]:
            self.violate("removed queues are still", f"{cycle.queue} plans although it was removed")
        self._check_known_numbers(life, cycle, endpoint)
        self.world.timeline.catch_up()
        self._check_caps(cycle, len(pilots), endpoint)
        for name in pilots:
            if name in self.believed:
                self.violate("sent once", f"{name} is planned a second time")
            pilot = Pilot(name, cycle.queue, endpoint, PilotState.PLANNED, cycle.at, cycle.at)
            self.believed[name] = self.live[name] = pilot

    def recorded(self, changes: Sequence[Transition]) -> None:
        """Look at changes that were stored."""
        now = self.world.clock.now()
        for change in changes:
            pilot = self.believed[change.pilot]
            self.note("record", _told(pilot, change))
            if change.state.is_final and not pilot.state.is_final:
                self._check_ending(pilot, change, now)
            elif pilot.state.is_final and not change.state.is_final and pilot.cause in _TOLD:
                self.violate("endings are justified", f"{pilot.id} was taken back after it {pilot.reason}")
            if pilot.retiring and change.retiring is False:
                self._left_in_peace_at[pilot.id] = now
            pilot.apply(change)
            if pilot.state.is_final:
                self.live.pop(pilot.id, None)
            else:
                self.live[pilot.id] = pilot

    def adopted(self, pilots: Sequence[Pilot]) -> None:
        """Look at pilots that were taken in."""
        for pilot in pilots:
            if pilot.id not in self.believed:
                self.note("adopt", f"{pilot.id} {pilot.state}")
                self.believed[pilot.id] = self.live[pilot.id] = copy(pilot)

    # --- what passes to the batch systems and to the WMS

    def submitting(self, life: int, endpoint: str, spec: PilotSpec, pilots: Sequence[PilotId]) -> None:
        """Look at a submission before it is sent."""
        self.leases.sending(life, spec.queue, pilots)
        now = self.world.clock.now()
        self.note("submit", f"{spec.queue}: {len(pilots)} to {endpoint}: {pilots[0] if pilots else ''} …")
        for name in pilots:
            pilot = self.live.get(name)
            if pilot is None or pilot.state is not PilotState.PLANNED:
                self.violate("planned before sent", f"{name} is {pilot.state if pilot else 'not planned'}")
            elif (pilot.queue, pilot.endpoint) != (spec.queue, endpoint):
                self.violate(
                    "planned before sent", f"{name} was planned for {pilot.queue} at {pilot.endpoint}"
                )
            if name in self._sent_at:
                self.violate("sent once", f"{name} was sent before")
            self._sent_at[name] = now

    def never_sent(self, pilots: Sequence[PilotId]) -> None:
        """Take note that a submission was too late, and given up before the batch system heard of it."""
        for name in pilots:
            del self._sent_at[name]

    def listed(
        self, life: int, endpoint: str, asked_at: datetime, listing: Mapping[PilotId, BatchStatus]
    ) -> None:
        """Take notice of a good listing."""
        self.note("listing", f"{endpoint}: {len(listing)} pilots")
        self._listed_at[life, endpoint] = asked_at
        self.check_sites()

    def counted(self, life: int, asked_at: datetime, counts: Mapping[WmsQueue, JobCounts]) -> None:
        """Take notice of a good answer of the WMS."""
        self.note("wms", ", ".join(f"{queue}: {jobs.ready} ready" for queue, jobs in counts.items()))
        self._counted_at[life] = asked_at

    def cancelling(
        self, life: int, endpoint: str, pilots: Collection[PilotId], *, waiting_only: bool
    ) -> None:
        """Look at a cancel before it is sent."""
        self.note("cancel", f"{endpoint}: {len(pilots)} pilots" + (", if they wait" if waiting_only else ""))
        self.check_sites()
        listed_at = self._listed_at.get((life, endpoint))
        for name in pilots:
            if name not in self.believed:
                self.violate("rechecked", f"{name} is cancelled, and not in the store")
                return
            based_on = self._retire_based_on.get((life, self.believed[name].queue))
            if waiting_only or (listed_at is not None and (based_on is None or listed_at > based_on)):
                continue
            self.violate("rechecked", f"{name} is cancelled by a decision on the listing of {based_on}")

    # --- invariants

    def check_sites(self) -> None:
        """Compare the sites themselves with what is known."""
        for site in self.world.sites.values():
            if site.doubled:
                self.violate("sent once", f"{site.doubled[0]} is twice at a site")
            for jobs in site.live.values():
                strangers = jobs.keys() - self.believed.keys()
                if strangers:
                    self.violate("known", f"{min(strangers)} is at a site, and not in the store")

    def check_cancelled(self) -> None:
        """Look for pilots that were cancelled after they had started."""
        for site in self.world.sites.values():
            for name, past in site.past.items():
                if past.cause is EndCause.CANCELLED and self._was_to_be_left(name, past):
                    self.violate("running ones are left alone", f"{name} was cancelled while it ran")

    def _was_to_be_left(self, name: PilotId, past: Past) -> bool:
        if past.started_s is None:
            return False
        pilot = self.believed[name]
        settings = self.scenario.config.queues[pilot.queue].settings
        lived_s = past.ended_s - pilot.planned_at.timestamp()
        return not settings.retire.running and lived_s <= settings.life.running_max_s

    def _check_known_numbers(self, life: int, cycle: CycleRecord, endpoint: str) -> None:
        errors = [source.error for source in cycle.inputs if source.error]
        stale = timedelta(seconds=self.scenario.stale_s)
        listed_at = self._listed_at.get((life, endpoint))
        if listed_at is None or cycle.at - listed_at > stale:
            self.violate(
                "unknown is not a number", f"{cycle.queue} plans; last listing: {listed_at}; {errors}"
            )
        if cycle.queue in self.scenario.constant:
            return
        counted_at = self._counted_at.get(life)
        if counted_at is None or cycle.at - counted_at > stale:
            self.violate("unknown is not a number", f"{cycle.queue} plans; WMS asked: {counted_at}; {errors}")

    def _check_caps(self, cycle: CycleRecord, n: int, endpoint: str) -> None:
        caps, queue = self.scenario.caps[cycle.queue], cycle.queue
        waiting = running = at_endpoint = total = n
        grace = timedelta(seconds=self.scenario.config.factory.grace_s)
        for pilot in self.live.values():
            state = self._truth(pilot)
            if state is None:
                continue
            zombie = pilot.retiring and cycle.at - pilot.changed_at > grace
            total += not zombie
            at_endpoint += pilot.endpoint == endpoint and not zombie
            if pilot.queue == queue and not self._is_told_to_end(pilot, cycle.at):
                running += 1
                waiting += state is not PilotState.RUNNING
        held_against = {
            "max_per_cycle": n,
            "max_pending": waiting,
            "max_to_run": running,
            "max_per_factory": total,
            "max_pilots": at_endpoint,
        }
        for cap, number in held_against.items():
            if cap in caps and number > caps[cap]:
                self.violate("caps", f"{queue} plans {n}: {number} of {cap}={caps[cap]}")

    def _is_told_to_end(self, pilot: Pilot, at: datetime) -> bool:
        left_at = self._left_in_peace_at.get(pilot.id)
        return pilot.retiring or (left_at is not None and left_at >= at)

    def _truth(self, pilot: Pilot) -> PilotState | None:
        """Return what a pilot that is believed live is in truth; PLANNED: in flight; None: ended."""
        site = self._site(pilot)
        job = site.live.get(self.scenario.config.factory_id, {}).get(pilot.id)
        if job is not None:
            return job.state
        return None if pilot.id in site.past else PilotState.PLANNED

    def _check_ending(self, pilot: Pilot, change: Transition, now: datetime) -> None:
        site = self._site(pilot)
        past = site.past.get(pilot.id)
        wrong = ""
        if change.cause in _TOLD:
            if past is None or past.cause is not change.cause:
                wrong = f"in truth {past.cause if past else 'it did not end'}"
        elif change.cause is EndCause.REFUSED:
            wrong = "it is there" if site.knows(pilot.id) else ""
        elif change.cause is EndCause.UNSENT:
            sent_at = self._sent_at.get(pilot.id)
            if sent_at is not None and now - sent_at <= timedelta(
                seconds=self.scenario.config.factory.settle_s
            ):
                wrong = f"it was sent at {sent_at}"
        elif pilot.state is not PilotState.UNKNOWN:
            wrong = f"it was {pilot.state}"
        elif now - pilot.changed_at <= timedelta(seconds=self.scenario.config.factory.grace_s):
            wrong = f"unknown only since {pilot.changed_at}"
        if wrong:
            self.violate("endings are justified", f"{_told(pilot, change)}: {wrong}")

    def _site(self, pilot: Pilot) -> SimSite:
        return self.world.sites[pilot.endpoint]


def _input_at(cycle: CycleRecord, endpoint: str) -> datetime | None:
    """Return when the answer was asked for that a cycle took from an endpoint."""
    for source in cycle.inputs:
        if source.endpoint == endpoint and source.age_s is not None:
            return cycle.at - timedelta(seconds=source.age_s)
    return None


def _told(pilot: Pilot, change: Transition) -> str:
    cause = f" ({change.cause})" if change.cause else ""
    retiring = " retiring" if change.retiring else ""
    return f"{pilot.id} {pilot.state} → {change.state}{cause}{retiring}  {change.reason}".rstrip()
