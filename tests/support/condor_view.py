"""What HTCondor itself says of a factory's jobs, asked by its own commands."""

import subprocess
from collections import Counter
from dataclasses import dataclass

from condor_pool import Pool

from autopyfactory.schedd.jobs import JobStatus


@dataclass(frozen=True, slots=True)
class JobTimes:
    """The life of one job, in seconds since 1970 by the schedd's clock."""

    pilot: str
    queue: str
    submission: int
    """The cluster: jobs of one have been submitted at once."""
    queued: int
    started: int | None
    ended: int | None
    """None while it is in the queue."""


class CondorView:
    """The jobs of one factory."""

    def __init__(self, pool: Pool, factory: str) -> None:
        self._pool = pool
        self._constraint = f'APF_FACTORY == "{factory}"'

    def tags(self) -> Counter[str]:
        """Count the jobs of each pilot, those in the queue and those that have left it."""
        return Counter(
            [row[0] for command in ("condor_q", "condor_history") for row in self._rows(command, "APF_PILOT")]
        )

    def queued_tags(self) -> list[str]:
        """Return the pilots of the jobs in the queue."""
        return [row[0] for row in self._rows("condor_q", "APF_PILOT")]

    def queued(self) -> Counter[tuple[str, JobStatus]]:
        """Count the jobs in the queue by (factory queue, job status)."""
        rows = self._rows("condor_q", "APF_QUEUE", "JobStatus")
        return Counter([(queue, JobStatus(int(status))) for queue, status in rows])

    def lives(self) -> list[JobTimes]:
        """Return the life of every job, in the queue or ended."""
        names = ("APF_PILOT", "APF_QUEUE", "ClusterId", "QDate", "JobStartDate", "EnteredCurrentStatus")
        lives = []
        for command in ("condor_q", "condor_history"):
            for pilot, queue, cluster, queued, started, changed in self._rows(command, *names):
                ended = int(changed) if command == "condor_history" else None
                lives.append(JobTimes(pilot, queue, int(cluster), int(queued), _number(started), ended))
        return lives

    def remove_all(self) -> None:
        """Remove whatever is left."""
        # exit status 1 where there is nothing
        subprocess.run(self._argv("condor_rm"), capture_output=True, check=False, timeout=120)

    def _rows(self, command: str, *attributes: str) -> list[list[str]]:
        everyone = ["-all"] if command == "condor_q" else []
        argv = [*self._argv(command), *everyone, "-af", *attributes]
        told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
        return [line.split() for line in told.stdout.splitlines()]

    def _argv(self, command: str) -> list[str]:
        program = str(self._pool.programs / command)
        return [program, "-name", self._pool.schedd, "-constraint", self._constraint]


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
