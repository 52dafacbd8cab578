"""An HTCondor pool for one test file alone, to be frozen, killed and reconfigured."""

import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from condor_pool import TESTBED, Pool


class PrivatePool(Pool):
    """A pool whose daemons belong to the test."""

    @property
    def folder_of_pool(self) -> Path:
        """Where its configuration and its logs are."""
        return self._scratch.parent

    @contextmanager
    def configured(self, text: str) -> Iterator[None]:
        """Give its daemons further configuration for a while; they take it when they come to it."""
        self._configure(text)
        try:
            yield
        finally:
            self._configure("")

    def _configure(self, text: str) -> None:
        (self.folder_of_pool / "local.conf").write_text(text)
        environment = {**os.environ, "CONDOR_CONFIG": str(self.folder_of_pool / "condor_config")}
        reconfigure = self.programs.parent / "sbin" / "condor_reconfig"
        subprocess.run([str(reconfigure)], env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def private_pool(pool: Pool) -> Iterator[PrivatePool]:
    """A pool of its own with 20 slots; skips where there is no ``pool``, which tells that it can be had."""
    name = f"t{uuid.uuid4().hex[:8]}"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    _testbed("up", name, str(port), "20")
    try:
        told = dict(line.removeprefix("export ").split("=", 1) for line in _testbed("env", name).splitlines())
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("CONDOR_CONFIG", told["CONDOR_CONFIG"])
            private = PrivatePool(
                told["APF_TEST_HTCONDOR_POOL"],
                Path(told["APF_TEST_HTCONDOR_SCRATCH"]),
                Path(told["APF_TEST_HTCONDOR_BIN"]),
            )
            yield private
    finally:
        _testbed("down", name)  # knows the pool by a file in its folder
    shutil.rmtree(private.folder_of_pool, ignore_errors=True)


def _testbed(*argv: str) -> str:
    done = subprocess.run([str(TESTBED), *argv], stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    return done.stdout
