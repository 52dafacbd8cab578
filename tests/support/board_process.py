"""``apf board serve`` as a process of its own, to be killed and started again at the same address."""

import asyncio
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory_process import APF

from autopyfactory.board import BoardClient, JobSpec, JobStatus


class BoardProcess:
    """A board on a port of its own."""

    def __init__(self, folder: Path, *, lease_s: float = 120) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self._folder = folder
        self._lease_s = lease_s
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve; killed in the end."""
        self.start()
        try:
            yield
        finally:
            self.kill()

    def start(self) -> None:
        """Start it, and return once it answers."""
        database = self._folder / "board.db"
        options = ["--port", str(self._port), "--database", str(database), "--lease", str(self._lease_s)]
        with (self._folder / "board.log").open("ab") as log:
            argv = [*APF, "board", "serve", *options]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "board.log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def submit(self, queue: str, count: int, *command: str) -> None:
        """Put equal jobs into a queue."""
        job = JobSpec(queue=queue, command=command[0], arguments=command[1:])

        async def submit() -> None:
            async with BoardClient(self.url) as client:
                await client.submit([job] * count)

        asyncio.run(submit())

    def jobs(self, queue: str) -> Counter[JobStatus]:
        """Return the numbers of a queue by status."""

        async def counts() -> Counter[JobStatus]:
            async with BoardClient(self.url) as client:
                return Counter((await client.counts()).get(queue, {}))

        return asyncio.run(counts())

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return True
        except OSError:
            return False
