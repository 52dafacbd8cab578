"""``apf run`` as a process of its own, to be killed, frozen and asked about."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APF = (sys.executable, "-c", "from autopyfactory.cli import main; main()")


@dataclass(frozen=True, slots=True)
class StoredPilot:
    """What the store says of a pilot."""

    queue: str
    state: str
    cause: str | None
    batch_id: str | None

    @property
    def existed(self) -> bool:
        """Whether the batch system is believed to have had it."""
        return self.state != "planned" and self.cause not in ("unsent", "refused")


class FactoryHome:
    """A folder with ``apf.toml``, the store and the log of the factories that ran in it."""

    def __init__(self, folder: Path, database: Path | None = None) -> None:
        self.folder = folder
        self.config = folder / "apf.toml"
        self.log = folder / "factory.log"
        self.database = database or folder / "apf.db"
        self._process: subprocess.Popen[bytes] | None = None

    # --- the process

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run a factory; killed in the end if it is still there."""
        self.start()
        try:
            yield
        finally:
            self.kill()

    def start(self) -> None:
        """Start the factory, and return once it has read the store."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*APF, "run", "--config", str(self.config)], stdin=subprocess.DEVNULL, stderr=log
            )
        self.wait(lambda: "started with" in self.said(before), "the factory to start", 60)

    def kill(self) -> None:
        """Kill it with SIGKILL, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self, within_s: float = 60) -> None:
        """Stop it in good order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(timeout=within_s) == 0
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def said(self, since: int = 0) -> str:
        """Return what the factories logged, from that byte on."""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read().decode()

    def wait(self, condition: Callable[[], bool], for_what: str, within_s: float) -> None:
        """Wait until something is so, while the factory runs; the error shows the end of its log."""
        deadline = time.monotonic() + within_s
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                why = f"the factory ended with {self._process.returncode}" if ended and self._process else ""
                told = self._status()
                raise AssertionError(
                    f"waited {within_s:g} s for {for_what}; {why}\n{self.said()[-3000:]}\n"
                    f"{told.stdout[:4000]}{told.stderr}"
                )
            time.sleep(0.05)

    # --- what it tells

    def status(self) -> Mapping[str, Any]:
        """Return ``apf status --json``."""
        told = self._status()
        assert told.returncode == 0, told.stderr
        document: Mapping[str, Any] = json.loads(told.stdout)
        return document

    def store_trouble(self) -> str:
        """Return what ``apf status`` says that ails the store, in its document or instead of it."""
        told = self._status()
        if told.returncode == 0:
            return str(json.loads(told.stdout)["factory"]["store_trouble"])
        return told.stderr

    def queue(self, name: str) -> Mapping[str, Any]:
        """Return a queue as ``apf status --json`` shows it."""
        (found,) = [queue for queue in self.status()["queues"] if queue["name"] == name]
        shown: Mapping[str, Any] = found
        return shown

    def pilots(self) -> dict[str, StoredPilot]:
        """Return every pilot in the store, read from the file."""
        rows = self.rows("SELECT id, queue, state, cause, batch_id FROM pilots")
        return {row[0]: StoredPilot(*row[1:]) for row in rows}

    def unsettled(self) -> int:
        """Count the pilots of which the factory does not know whether they exist."""
        return int(self.rows("SELECT count(*) FROM pilots WHERE state IN ('planned', 'unknown')")[0][0])

    def await_plan(self, within_s: float) -> None:
        """Return as soon as the store holds a pilot that it does not hold now."""
        deadline = time.monotonic() + within_s
        newest = "SELECT max(id) FROM pilots"
        with closing(self._reader()) as connection:
            known = connection.execute(newest).fetchone()
            while connection.execute(newest).fetchone() == known:
                assert time.monotonic() < deadline, f"nothing was planned\n{self.said()[-3000:]}"
                time.sleep(0.001)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the store's file."""
        with closing(self._reader()) as connection:
            return connection.execute(query).fetchall()

    def _status(self) -> subprocess.CompletedProcess[str]:
        argv = [*APF, "status", "--json", "--config", str(self.config)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    def _reader(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process with SIGSTOP for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
