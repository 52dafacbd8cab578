"""Lives of pilots on a real pool that the contract does not tell of."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from condor_pool import Pool, new_factory, pool

from autopyfactory.api import SystemClock
from autopyfactory.model import (
    BatchStatus,
    EndCause,
    Ending,
    PilotId,
    PilotIds,
    PilotSpec,
    PilotState,
    QueueName,
)

pytestmark = pytest.mark.htcondor
__all__ = ["pool"]


class Life:
    """One factory with one pilot after the other."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.batch = pool.batch(new_factory())
        self._ids = PilotIds(random.SystemRandom().getrandbits)
        self.folder = pool.folder()

    async def start(
        self, *words: str, walltime_s: int | None = None, attributes: dict[str, str] | None = None
    ) -> PilotId:
        """Submit one pilot that runs a shell command."""
        spec = PilotSpec(
            queue=QueueName("LIVES"),
            executable=Path("/bin/sh"),
            arguments=("-c", *words),
            memory_mb=16,
            disk_mb=16,
            walltime_s=walltime_s,
            attributes=attributes or {},
            log_dir=self.folder,
        )
        (pilot,) = self._ids.make(SystemClock().now(), 1)
        await self.batch.submit(spec, [pilot])
        return pilot

    async def until(self, pilot: PilotId, reached: Callable[[BatchStatus], bool]) -> BatchStatus:
        """Wait until the pilot is listed in a certain way."""
        async with asyncio.timeout(60):
            while True:
                status = (await self.batch.status()).get(pilot)
                if status is not None and reached(status):
                    return status
                await asyncio.sleep(0.2)

    async def end(self, pilot: PilotId) -> Ending:
        """Wait for the pilot's ending."""
        async with asyncio.timeout(60):
            while not (told := await self.batch.ended([pilot])):
                await asyncio.sleep(0.2)
        return told[pilot]


@pytest.fixture
async def life(pool: Pool) -> AsyncIterator[Life]:
    life = Life(pool)
    yield life
    await life.batch.cancel(list(await life.batch.status()))
    await life.batch.close()


async def test_a_held_pilot_says_why(life: Life) -> None:
    pilot = await life.start("exit 0", attributes={"hold": "True"})
    status = await life.until(pilot, lambda status: status.state is PilotState.HELD)
    assert "on hold" in status.reason
    await life.batch.cancel([pilot])
    ending = await life.end(pilot)
    assert ending.cause is EndCause.CANCELLED
    assert ending.wall_s is None
    assert ending.started_at is None


async def test_an_operators_removal_is_told_from_ours(life: Life) -> None:
    pilot = await life.start("sleep 300")
    status = await life.until(pilot, lambda status: status.state is PilotState.RUNNING)
    argv = [str(life.pool.programs / "condor_rm"), "-name", life.pool.schedd, status.batch_id]
    await asyncio.to_thread(subprocess.run, argv, check=True, capture_output=True)
    ending = await life.end(pilot)
    assert ending.cause is EndCause.REMOVED
    assert "condor_rm" in ending.reason


async def test_the_wall_time_ends_a_pilot(life: Life) -> None:
    pilot = await life.start("sleep 300", walltime_s=2)
    ending = await life.end(pilot)
    assert ending.cause is EndCause.REMOVED
    assert "PeriodicRemove" in ending.reason


async def test_an_ended_pilot_that_stays_in_the_queue_has_ended(life: Life) -> None:
    pilot = await life.start("exit 7", attributes={"leave_in_queue": "True"})
    ending = await life.end(pilot)
    assert (ending.cause, ending.exit_code) == (EndCause.EXIT, 7)
    assert pilot not in await life.batch.status()
    argv = [str(life.pool.programs / "condor_rm"), "-name", life.pool.schedd]
    for words in (["-constraint"], ["-forcex", "-constraint"]):  # the second makes the schedd forget it
        constraint = f'APF_PILOT == "{pilot}"'
        await asyncio.to_thread(subprocess.run, [*argv, *words, constraint], capture_output=True)


async def test_arguments_arrive_as_they_are(life: Life) -> None:
    words = ["""it's "so", $HOME and $(date) \\ %d""", "", "two  spaces", "'"]
    pilot = await life.start('printf "<%s>" "$@"', "sh", *words)
    batch_id = (await life.until(pilot, lambda status: True)).batch_id
    assert (await life.end(pilot)).exit_code == 0
    assert (life.folder / f"{batch_id}.out").read_text() == "".join(f"<{word}>" for word in words)
    assert (life.folder / "submit.jdl").read_text().endswith(f"queue apf_pilot from (\n{pilot}\n)\n")


async def test_a_pilots_files_stay_on_its_node(life: Life) -> None:
    pilot = await life.start("echo here > left-behind; echo told")
    await life.end(pilot)
    assert not (life.folder / "left-behind").exists()
