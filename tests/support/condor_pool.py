"""The HTCondor pool that ``testbed/htcondor env`` names, for the tests marked ``htcondor``."""

import asyncio
import os
import re
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.api import Context, SystemClock
from autopyfactory.batch.htcondor import HTCondorBatch
from autopyfactory.model import FactoryId

TESTBED = Path(__file__).parents[2] / "testbed" / "htcondor"


class Pool:
    """A pool that is shared by all tests: each takes ids of its own."""

    def __init__(self, schedd: str, scratch: Path, programs: Path) -> None:
        self.schedd = schedd
        self._scratch = scratch
        self.programs = programs

    def folder(self) -> Path:
        """Return the name of a new folder that the pool's user can enter."""
        return self._scratch / uuid.uuid4().hex

    def batch(self, factory: FactoryId, **settings: Any) -> HTCondorBatch:
        """Return a batch plugin on the schedd."""
        chosen = {"schedd": self.schedd, "log_dir_mode": "1777", "answer_within_s": 60, **settings}
        chosen.setdefault("history_within_s", chosen["answer_within_s"])
        context = Context(factory, "schedd", self._scratch / "state", SystemClock())
        return HTCondorBatch(HTCondorBatch.Settings(**chosen), context)

    def queued(self, constraint: str) -> int:
        """Count jobs, asked by HTCondor's own command."""
        argv = [str(self.programs / "condor_q"), "-all", "-name", self.schedd, "-constraint", constraint]
        told = subprocess.run([*argv, "-af", "ClusterId"], capture_output=True, text=True, check=True)
        return len(told.stdout.split())

    def pid(self, daemon: str) -> int:
        """Return the process id of the pool's schedd, collector, startd or negotiator."""
        name = self.schedd.partition("@")[0]
        argv = [str(TESTBED), "pid", daemon, name]
        return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

    @asynccontextmanager
    async def frozen(self, daemon: str) -> AsyncIterator[None]:
        """Stop a daemon with SIGSTOP for a while."""
        pid = await asyncio.to_thread(self.pid, daemon)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def pool() -> Pool:
    """The pool; skips where there is none."""
    found: Mapping[str, str] = os.environ
    missing = [
        name
        for name in (
            "CONDOR_CONFIG",
            "APF_TEST_HTCONDOR_POOL",
            "APF_TEST_HTCONDOR_SCRATCH",
            "APF_TEST_HTCONDOR_BIN",
        )
        if name not in found
    ]
    if missing:
        pytest.skip(
            f'{missing[0]} is not set: testbed/htcondor up && eval "$(testbed/htcondor env)" starts a pool'
        )
    assert re.fullmatch(r"\w+@htc\.test", found["APF_TEST_HTCONDOR_POOL"])
    return Pool(
        found["APF_TEST_HTCONDOR_POOL"],
        Path(found["APF_TEST_HTCONDOR_SCRATCH"]),
        Path(found["APF_TEST_HTCONDOR_BIN"]),
    )


def new_factory() -> FactoryId:
    """Return the id of a factory that has no pilots."""
    return FactoryId(f"test-{uuid.uuid4().hex[:12]}")
