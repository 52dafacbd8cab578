"""A PostgreSQL server of a test's own, to be stopped and started; made by testbed/postgres."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTBED = Path(__file__).parents[2] / "testbed" / "postgres"


@dataclass(frozen=True, slots=True)
class PrivateServer:
    """A server on a port and in a folder of its own."""

    environ: Mapping[str, str]

    def up(self) -> None:
        """Start it, and return once it answers."""
        self._run("up")

    def down(self) -> None:
        """Stop it as an administrator would; its data stays."""
        self._run("down")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of its processes with SIGSTOP for a while."""
        data = Path(self.environ["APF_TESTBED_DIR"]) / "postgres" / "data"
        parent = int((data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        # the parent first, so that it makes no further ones meanwhile
        pids = [parent, *map(int, children)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @property
    def url(self) -> str:
        """Where it is, password included."""
        told = self._run("env").split("APF_TEST_POSTGRES_URL=", 1)[1].split()[0]
        return told.strip("'\"")

    def _run(self, verb: str) -> str:
        done = subprocess.run(
            [str(TESTBED), verb],
            env=dict(self.environ),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def private_server() -> Iterator[PrivateServer]:
    """A server that is up; gone afterwards."""
    # not below the test's own folder, which the server's user may not enter
    folder = Path(tempfile.mkdtemp(prefix="apf-postgres-"))
    folder.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    places = {"APF_TESTBED_DIR": str(folder), "APF_TESTBED_POSTGRES_PORT": str(port)}
    server = PrivateServer({**os.environ, **places})
    server.up()
    try:
        yield server
    finally:
        server.down()
        shutil.rmtree(folder)
