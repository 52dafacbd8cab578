"""The files by which factories, the starter and the keepers of local pilots know of each other.

Everything that is known of local pilots is in these files and in the kernel's table of processes; nobody has
to be alive for it to stay known.  Each file is made whole: written aside, then linked or renamed.
docs/adr/0004-local-batch.md tells who writes what in which order, and why no order of crashes loses a pilot
or starts it twice.

    submissions/TIME-PILOT.json   one submission: what to run, and its pilots
    pilots/PILOT/running.json     its processes; before the pilot's first instruction runs
    pilots/PILOT/work/            its working directory
    cancelled/PILOT               it must not start any more
    endings/PILOT.json            how it ended; endings/read/ after a factory has seen it
"""

import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple

from autopyfactory.api import Deadline, SubmitTooLate
from autopyfactory.batch.local_process import ProcessId
from autopyfactory.batch.local_records import Submission, decode_ending, encode_ending, moment
from autopyfactory.model import EndCause, Ending, FactoryId, PilotId


class Life(Enum):
    """What the files and the kernel say of a submitted pilot."""

    WAITING = auto()
    RUNNING = auto()
    CANCELLED = auto()
    """It never ran and never will; its ending is still to be written."""
    VANISHED = auto()
    """It ran and does not any more, and nobody was there to write its ending."""
    ENDED = auto()


class Running(NamedTuple):
    """The processes of a pilot that was started."""

    pilot: ProcessId
    keeper: ProcessId
    started_s: float
    """Since 1970."""
    cores: int
    memory_mb: int
    cpus: tuple[int, ...]
    """The processors that it may use; empty: all."""


_GONE = Running(ProcessId(0, 0, ""), ProcessId(0, 0, ""), 0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class StarterSettings:
    """What the starter and the keepers go by; see `LocalBatch.Settings`."""

    slots: int
    memory_mb: int | None
    pin_cpus: bool
    enforce_memory: bool
    nice: int
    kill_grace_s: float
    keep_endings_s: float
    base_environment: dict[str, str]


class LocalFiles:
    """The files of one instance.  Methods raise `OSError` where the file system does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "starter.lock"
        self.wake = root / "starter.wake"
        self.log = root / "starter.log"
        self.tmp = root / "tmp"
        self._settings = root / "settings.json"
        self._submissions = root / "submissions"
        self._pilots = root / "pilots"
        self._cancelled = root / "cancelled"
        self._endings = root / "endings"
        self._read = root / "endings" / "read"

    def make(self, settings: StarterSettings) -> None:
        """Make the directories, and put the settings where the starter finds them."""
        for directory in (self.tmp, self._submissions, self._pilots, self._cancelled, self._read):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps({name: getattr(settings, name) for name in StarterSettings.__slots__})
        if not self._settings.exists() or self._settings.read_text(encoding="utf-8") != text:
            self._write_aside(text).replace(self._settings)

    def settings(self) -> StarterSettings:
        """Return the settings that a factory last put there."""
        return StarterSettings(**json.loads(self._settings.read_text(encoding="utf-8")))

    # Submissions

    def submit(self, submission: Submission, deadline: Deadline | None = None) -> None:
        """Make a submission exist: all of its pilots, durably, or none of them.

        Raises `OSError`, and `SubmitTooLate` where the deadline has passed, with nothing done.
        """
        name = f"{submission.submitted_s:020.6f}-{submission.pilots[0]}.json"
        aside = self._write_aside(json.dumps(submission.encode()), durably=True)
        try:
            if deadline is not None and deadline.passed:
                raise SubmitTooLate("it was too late to submit when the files were ready")
            aside.replace(self._submissions / name)
        except (OSError, SubmitTooLate):
            aside.unlink(missing_ok=True)
            raise

    def secure_submissions(self) -> None:
        """Have the submissions survive a crash of the machine as well."""
        _sync_directory(self._submissions)

    def submission_names(self) -> list[str]:
        """Return the names of all submissions that may have live pilots, oldest first."""
        return sorted(name for name in os.listdir(self._submissions) if name.endswith(".json"))  # noqa: PTH208

    def submission(self, name: str) -> Submission | None:
        """Return a submission; None where all of its pilots have ended.  Raises `ValueError`: damaged."""
        try:
            return Submission.decode(_read_json(f"{self._submissions}/{name}"))
        except FileNotFoundError:
            return None

    def retire(self, name: str) -> None:
        """Forget a submission: every one of its pilots has an ending."""
        (self._submissions / name).unlink(missing_ok=True)

    # Pilots

    def look(self, pilot: PilotId) -> tuple[Life, Running | None]:
        """Return how a submitted pilot fares.

        An ending is looked for again after everything else, since a pilot may end meanwhile.
        """
        if self.has_ended(pilot):
            return Life.ENDED, None
        running = self.running(pilot)
        if running is not None and (running.pilot.alive or running.keeper.alive):
            return Life.RUNNING, running
        if self.has_ended(pilot):
            return Life.ENDED, None
        if running is not None:
            return Life.VANISHED, running
        return (Life.CANCELLED if self.is_cancelled(pilot) else Life.WAITING), None

    def survey(self, pilots: Iterable[PilotId]) -> Iterator[tuple[PilotId, Life, Running | None]]:
        """Return how each of many submitted pilots fares; the same as `look`, ten times as fast.

        A cancelled pilot that was not started before this looked is never started: `Keeper.keep`.
        """
        cancelled = set(os.listdir(self._cancelled))  # noqa: PTH208 - names are all that is wanted
        started = set(os.listdir(self._pilots))  # noqa: PTH208
        for pilot in pilots:
            if pilot in started:
                yield pilot, *self.look(pilot)
            elif self.has_ended(pilot):
                yield pilot, Life.ENDED, None
            else:
                yield pilot, Life.CANCELLED if pilot in cancelled else Life.WAITING, None

    def working_directory(self, pilot: PilotId) -> Path:
        """Return where the pilot runs."""
        return self._pilots / pilot / "work"

    def clear(self, pilot: PilotId) -> None:
        """Remove the directory of a pilot that does not run."""
        shutil.rmtree(self._pilots / pilot, ignore_errors=True)

    def running(self, pilot: PilotId) -> Running | None:
        """Return the processes of a pilot; None where it was not started."""
        try:
            told = _read_json(f"{self._pilots}/{pilot}/running.json")
        except FileNotFoundError:
            return None
        except ValueError:  # the machine itself crashed while this was written
            return _GONE
        return Running(
            pilot=ProcessId(*told["pilot"]),
            keeper=ProcessId(*told["keeper"]),
            started_s=told["started_s"],
            cores=told["cores"],
            memory_mb=told["memory_mb"],
            cpus=tuple(told["cpus"]),
        )

    def write_running(self, pilot: PilotId, running: Running) -> None:
        """Record a pilot's processes."""
        self._write_aside(json.dumps(running._asdict())).replace(self._pilots / pilot / "running.json")

    def is_cancelled(self, pilot: PilotId) -> bool:
        """Whether the pilot must not start any more."""
        return (self._cancelled / pilot).exists()

    def mark_cancelled(self, pilot: PilotId) -> None:
        """Have the pilot not start any more."""
        (self._cancelled / pilot).touch()

    # Endings

    def has_ended(self, pilot: PilotId) -> bool:
        """Whether the ending of the pilot is known."""
        return any(os.access(f"{place}/{pilot}.json", os.F_OK) for place in (self._endings, self._read))

    def end(self, pilot: PilotId, factory: FactoryId, ending: Ending) -> None:
        """Record how a pilot ended, unless that is known already, and forget the rest of it."""
        aside = self._write_aside(json.dumps({"factory": factory, **encode_ending(ending)}))
        try:
            if not self.has_ended(pilot):
                os.link(aside, self._endings / f"{pilot}.json")
        except FileExistsError:
            pass  # somebody else was faster; the first word stands
        finally:
            aside.unlink()
        (self._cancelled / pilot).unlink(missing_ok=True)
        self.clear(pilot)

    def bury(self, pilot: PilotId, factory: FactoryId, running: Running | None) -> None:
        """Record the ending of a pilot that is CANCELLED or VANISHED, in its keeper's place."""
        cancelled = self.is_cancelled(pilot)
        ending = Ending(
            cause=EndCause.CANCELLED if cancelled else EndCause.SIGNAL,
            started_at=moment(running.started_s) if running and running is not _GONE else None,
            host=socket.gethostname() if running else "",
            reason="" if cancelled else "its keeper vanished, so nobody knows how it ended",
        )
        self.end(pilot, factory, ending)

    def ending(self, pilot: PilotId, factory: FactoryId) -> Ending | None:
        """Return how a factory's pilot ended, and note that it was told; None where that is not known."""
        name = f"{pilot}.json"
        told: dict[str, Any] | None = None
        try:
            for directory in (
                self._endings,
                self._read,
            ):  # it is moved from the first to the second, never back
                with suppress(FileNotFoundError):
                    told = _read_json(f"{directory}/{name}")
                    break
        except ValueError:  # the machine itself crashed while this was written
            return Ending(cause=EndCause.SIGNAL, reason="the record of its ending is damaged")
        if told is None or told.pop("factory") != factory:
            return None
        with suppress(FileNotFoundError):
            os.rename(f"{self._endings}/{name}", f"{self._read}/{name}")  # noqa: PTH104
        return decode_ending(told)

    def tidy(self, now_s: float, keep_s: float) -> None:
        """Remove endings that were told and are older than that, and what crashes left aside."""
        for directory in (self._read, self.tmp):
            for file in _older(directory, now_s - keep_s):
                Path(file.path).unlink(missing_ok=True)

    def _write_aside(self, text: str, *, durably: bool = False) -> Path:
        """Write a new file, to be moved to its place; leave nothing where that fails.

        What only tells of processes need not be durable: they do not survive a crash of the machine either.
        """
        path = self.tmp / f"{os.getpid()}-{os.urandom(6).hex()}"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
                if durably:
                    file.flush()
                    os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path


def _older(directory: Path, before_s: float) -> Iterator[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_file() and entry.stat().st_mtime < before_s:
                yield entry


def _read_json(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a third of the time of Path.read_bytes
            told: dict[str, Any] = json.loads(file.read())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); move it away to go on") from error
    return told


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
