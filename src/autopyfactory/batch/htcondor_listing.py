"""The live pilots of a factory, kept from one listing to the next."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from sys import intern
from typing import Any

from autopyfactory.batch.htcondor_submit import FACTORY, PILOT, QUEUE
from autopyfactory.model import BatchId, BatchStatus, FactoryId, PilotId, PilotState, QueueName
from autopyfactory.schedd.changes import Row, Summary
from autopyfactory.schedd.jobs import JobStatus, quoted

DETAILS = ("ClusterId", "ProcId", QUEUE, "RemoteHost", "HoldReason")

_STATES: Mapping[Any, PilotState] = {
    JobStatus.UNEXPANDED: PilotState.PENDING,
    JobStatus.IDLE: PilotState.PENDING,
    JobStatus.HELD: PilotState.HELD,
    JobStatus.RUNNING: PilotState.RUNNING,
    JobStatus.TRANSFERRING_OUTPUT: PilotState.RUNNING,
    JobStatus.SUSPENDED: PilotState.RUNNING,  # it holds its slot
}
_RUNS_PER_CONSTRAINT = 20
_REMEMBERED = 200_000
"""Pilots that left the listing and of which no ending was told yet."""


def live_jobs(factory: FactoryId) -> str:
    """Return the constraint for the listing.

    Left out is what was removed or has completed but is still in the queue: neither alive nor, until it
    leaves or lingers, ended.
    """
    ended = f"JobStatus != {JobStatus.REMOVED:d} && JobStatus != {JobStatus.COMPLETED:d}"
    return f"{FACTORY} == {quoted(factory)} && isString({PILOT}) && {ended}"


def waiting_among(jobs: Iterable[BatchId]) -> list[str]:
    """Return constraints that these jobs fulfil, as far as they wait at that moment.

    The schedd looks at each job of its queue, parses the constraint anew for each, and does nothing else
    meanwhile (1,000 names among 20,000 jobs: 4 s).  So they are short, of ids that follow each other, as
    those of pilots submitted together do.
    """
    waiting = f"(JobStatus == {JobStatus.IDLE:d} || JobStatus == {JobStatus.HELD:d})"
    runs = [f"ClusterId == {cluster} && ProcId >= {a} && ProcId <= {b}" for cluster, a, b in _runs(jobs)]
    return [
        f"{waiting} && ({' || '.join(runs[start : start + _RUNS_PER_CONSTRAINT])})"
        for start in range(0, len(runs), _RUNS_PER_CONSTRAINT)
    ]


def _runs(jobs: Iterable[BatchId]) -> list[tuple[int, int, int]]:
    """Return (cluster, first proc, last proc) of jobs that follow each other without a gap."""
    runs: list[tuple[int, int, int]] = []
    for cluster, proc in sorted((int(c), int(p)) for c, _, p in (job.partition(".") for job in jobs)):
        if runs and (cluster, proc - 1) == (runs[-1][0], runs[-1][2]):
            runs[-1] = (cluster, runs[-1][1], proc)
        else:
            runs.append((cluster, proc, proc))
    return runs


class Draft:
    """The rows of a listing while they come."""

    def __init__(self) -> None:
        self.pilots: dict[PilotId, BatchStatus] = {}

    def take(self, rows: list[Row]) -> None:
        """Decode rows of `DETAILS`."""
        pilots = self.pilots
        for pilot, status, since, cluster, proc, queue, host, reason in rows:
            state = _STATES[status]
            pilots[pilot] = BatchStatus(
                state,
                BatchId(f"{cluster}.{proc}"),
                QueueName(queue or ""),
                datetime.fromtimestamp(since, UTC),
                machine(host) if state is PilotState.RUNNING else "",
                reason or "" if state is PilotState.HELD else "",
            )


class Listing:
    """What the last good listing told.

    A pilot whose job did not change keeps the very same `BatchStatus` object from listing to listing.
    """

    def __init__(self) -> None:
        self.basis = 0
        self.pilots: Mapping[PilotId, BatchStatus] = {}
        self._server_time: int | None = None
        self._left: dict[str, int] = {}

    def finish(self, draft: Draft, summary: Summary) -> bool:
        """Make the draft the listing; False where it does not fit, and all has to be told anew."""
        pilots = self.pilots
        if summary.whole:
            pilots = draft.pilots
            self._left_now(self.pilots.keys() - pilots.keys())
        elif draft.pilots or summary.gone:
            changed = {**pilots, **draft.pilots}
            for name in summary.gone:
                changed.pop(PilotId(name), None)
            pilots = changed
            self._left_now(summary.gone)
        if summary.server_time is not None:
            self._server_time = summary.server_time
        if len(pilots) != summary.total:
            self.basis = 0
            return False
        self.basis = summary.version
        self.pilots = pilots
        return True

    def last_seen(self, pilot: PilotId) -> int | None:
        """Return the schedd's time of the last listing that held a pilot which has left since."""
        return self._left.get(pilot)

    def _left_now(self, gone: Iterable[str]) -> None:
        if self._server_time is not None:
            self._left.update(dict.fromkeys(gone, self._server_time))
        while len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]


def machine(slot: str | None) -> str:
    """Return the machine of a slot: ``slot1_2@node7`` gives ``node7``."""
    first, at, rest = (slot or "").partition("@")
    return intern(rest if at and first.startswith("slot") else slot or "")
