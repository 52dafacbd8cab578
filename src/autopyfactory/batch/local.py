"""Pilots as processes of this machine; see docs/reference/batch-local.md and docs/adr/0004-local-batch.md."""

import asyncio
import getpass
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import Field

import autopyfactory
from autopyfactory.api import BatchUnavailable, Context, Deadline, SubmitRejected, SubmitUnknown
from autopyfactory.api import Settings as PluginSettings
from autopyfactory.batch.local_files import Life, LocalFiles, Running, StarterSettings
from autopyfactory.batch.local_keeper import wake
from autopyfactory.batch.local_process import signal_group, signal_process
from autopyfactory.batch.local_records import Submission, moment
from autopyfactory.batch.local_slots import Slots
from autopyfactory.model import BatchId, BatchStatus, Ending, PilotId, PilotSpec, PilotState, SubmitResult

_STARTER_S = 30.0
"""How long a starter may take to come up."""

logger = logging.getLogger(__name__)


class LocalSettings(PluginSettings):
    """What ``[batch.NAME]`` takes with ``plugin = "local"``."""

    slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Cores that pilots may take together; left out: those of this machine."""
    memory_mb: int | None = Field(default=None, ge=1)
    """Memory that pilots may ask for together; left out: not counted."""
    pin_cpus: bool = False
    """Bind each pilot to as many processors as it has cores, so that it cannot use more."""
    enforce_memory: bool = True
    """Have allocations fail in any process of a pilot that exceeds the pilot's memory_mb by itself."""
    nice: int = Field(default=0, ge=0, le=19)
    """How much less urgent than other processes of this machine pilots are."""
    kill_grace_s: float = Field(default=10, ge=0)
    """Time from SIGTERM to SIGKILL for pilots that are cancelled or out of walltime."""
    keep_endings_s: float = Field(default=7 * 86_400, gt=0)
    """How long endings are kept after the factory has seen them."""
    inherit_environment: tuple[str, ...] = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ")
    """Variables of the factory's own environment that pilots get, too; all others are kept from them."""


class LocalBatch:
    """A batch system made of this machine.

    Everything that lasts is in files, so objects of this class may come and go, and several may use the same
    directory at once.
    """

    Settings = LocalSettings

    def __init__(self, settings: LocalSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._files = LocalFiles(context.state_dir.absolute() / context.instance)
        self._slots = Slots(settings.slots, settings.memory_mb)
        self._submissions: dict[str, Submission] = {}
        """What was read; submissions never change."""
        self._reading = threading.Lock()

    async def submit(
        self, spec: PilotSpec, pilots: Sequence[PilotId], *, deadline: Deadline | None = None
    ) -> SubmitResult:
        """See `BatchSystem.submit`; a submission is one file, so all of it exists or nothing."""
        return await asyncio.to_thread(
            self._submit, spec, tuple(pilots), self._context.clock.now().timestamp(), deadline
        )

    async def status(self) -> Mapping[PilotId, BatchStatus]:
        """See `BatchSystem.status`."""
        return await asyncio.to_thread(self._status)

    async def ended(self, pilots: Collection[PilotId]) -> Mapping[PilotId, Ending]:
        """See `BatchSystem.ended`."""
        return await asyncio.to_thread(self._ended, tuple(pilots))

    async def cancel(self, pilots: Collection[PilotId], *, waiting_only: bool = False) -> None:
        """See `BatchSystem.cancel`; running pilots get SIGTERM, and SIGKILL after ``kill_grace_s``."""
        await asyncio.to_thread(self._cancel, tuple(pilots), waiting_only)

    async def release(self, pilots: Collection[PilotId]) -> None:
        """Do nothing: a pilot is held here only for as long as the slots are too small for it."""

    async def close(self) -> None:
        """Nothing to let go of: pilots, their keepers and the starter live on."""

    # In a thread: files and processes

    def _submit(
        self, spec: PilotSpec, pilots: tuple[PilotId, ...], now_s: float, deadline: Deadline | None
    ) -> SubmitResult:
        self._refuse_the_impossible(spec)
        accepted = {pilot: BatchId(pilot) for pilot in pilots}
        try:
            self._make_directories()
            known = self._known()
            new = tuple(pilot for pilot in pilots if pilot not in known and not self._files.has_ended(pilot))
            if not new:
                return SubmitResult(accepted)
            spec.log_dir.mkdir(parents=True, exist_ok=True)
            self._files.submit(Submission(self._context.factory, _absolute(spec), new, now_s), deadline)
        except (OSError, ValueError) as error:
            raise SubmitRejected(
                f"nothing was submitted, the file system does not take it: {error}; "
                f"see to {self._files.root} and {spec.log_dir} (space, permissions)"
            ) from error
        try:
            self._files.secure_submissions()
        except OSError as error:
            raise SubmitUnknown(f"submitted, but perhaps not for good: {error}") from error
        self._see_to_the_starter()
        return SubmitResult(accepted)

    def _refuse_the_impossible(self, spec: PilotSpec) -> None:
        why = self._slots.impossible(spec.cores, spec.memory_mb)
        if spec.gpus:
            why = "the local batch system hands out no GPUs; set gpus = 0"
        if spec.attributes:
            why = f"the local batch system knows no attributes; remove {', '.join(sorted(spec.attributes))}"
        for path in (spec.executable, *spec.inputs):
            if not path.is_file() or not os.access(path, os.R_OK):
                why = f"{path} is not a file that can be read"
        if why:
            raise SubmitRejected(f"pilots of {spec.queue} can never run here: {why}")

    def _status(self) -> dict[PilotId, BatchStatus]:
        with self._unavailable():
            self._make_directories()
            listing = {}
            waits = False
            known = self._known()
            for pilot, life, running in self._files.survey(known):
                submission = known[pilot]
                waits = waits or life is Life.WAITING
                if submission.factory == self._context.factory and life in {Life.WAITING, Life.RUNNING}:
                    listing[pilot] = self._describe(pilot, submission, running)
        if waits:
            self._see_to_the_starter()
        return listing

    def _describe(self, pilot: PilotId, submission: Submission, running: Running | None) -> BatchStatus:
        spec = submission.spec
        state, since_s, host, reason = PilotState.PENDING, submission.submitted_s, "", ""
        if running is not None:
            state, since_s, host = PilotState.RUNNING, running.started_s, os.uname().nodename
        elif reason := self._slots.impossible(spec.cores, spec.memory_mb):
            state = PilotState.HELD
        return BatchStatus(state, BatchId(pilot), spec.queue, moment(since_s), host, reason)

    def _ended(self, pilots: tuple[PilotId, ...]) -> dict[PilotId, Ending]:
        with self._unavailable():
            self._make_directories()
            known = self._known()
            endings = {}
            for pilot in pilots:
                if pilot in known:
                    self._bury_if_dead(pilot, known[pilot])
                ending = self._files.ending(pilot, self._context.factory)
                if ending is not None:
                    endings[pilot] = ending
            return endings

    def _bury_if_dead(self, pilot: PilotId, submission: Submission) -> None:
        life, running = self._files.look(pilot)
        if life in {Life.VANISHED, Life.CANCELLED}:
            self._files.bury(pilot, submission.factory, running)

    def _cancel(self, pilots: tuple[PilotId, ...], waiting_only: bool) -> None:
        with self._unavailable():
            self._make_directories()
            known = self._known()
            for pilot in pilots:
                submission = known.get(pilot)
                if submission is None or submission.factory != self._context.factory:
                    continue
                if not (waiting_only and self._files.running(pilot)):
                    self._cancel_one(pilot, submission)

    def _cancel_one(self, pilot: PilotId, submission: Submission) -> None:
        if self._files.has_ended(pilot):
            return
        self._files.mark_cancelled(pilot)
        running = self._files.running(pilot)  # after the mark: see Keeper.keep
        if running is None:
            self._files.bury(pilot, submission.factory, None)
        elif not signal_process(running.keeper, signal.SIGTERM) and running.pilot.alive:
            signal_group(running.pilot.pid, signal.SIGKILL)  # nobody is left to grant it a grace

    def _known(self) -> dict[PilotId, Submission]:
        """Return the pilots of all submissions that may have live ones, oldest first."""
        with self._reading:
            read = {}
            for name in self._files.submission_names():
                submission = self._submissions.get(name) or self._files.submission(name)
                if submission is not None:
                    read[name] = submission
            self._submissions = read
        return {pilot: submission for submission in read.values() for pilot in submission.pilots}

    def _make_directories(self) -> None:
        settings = self._settings
        inherited = {name: os.environ[name] for name in settings.inherit_environment if name in os.environ}
        self._files.make(
            StarterSettings(
                slots=settings.slots,
                memory_mb=settings.memory_mb,
                pin_cpus=settings.pin_cpus,
                enforce_memory=settings.enforce_memory,
                nice=settings.nice,
                kill_grace_s=settings.kill_grace_s,
                keep_endings_s=settings.keep_endings_s,
                base_environment={"USER": _user(), **inherited},
            )
        )

    def _see_to_the_starter(self) -> None:
        """Wake the starter, or make one.  Where that fails pilots wait, and the next `status` tries again."""
        if wake(self._files):
            return
        packages = str(Path(autopyfactory.__file__).parents[1])
        try:
            subprocess.run(
                [sys.executable, "-P", "-m", "autopyfactory.batch.local_starter", str(self._files.root)],
                # nothing of the factory's own environment: pilots can read that of the starter
                env={"PYTHONPATH": packages, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_STARTER_S,
                check=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            logger.warning("no starter for local pilots: %s; see %s", error.stderr.strip(), self._files.log)
        except (OSError, subprocess.TimeoutExpired) as error:
            logger.warning("no starter for local pilots: %s; see %s", error, self._files.log)

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise BatchUnavailable(f"the files of local pilots cannot be used: {error}") from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return str(os.getuid())


def _absolute(spec: PilotSpec) -> PilotSpec:
    """Return the specification with paths that mean the same in every process."""
    return replace(
        spec,
        executable=spec.executable.absolute(),
        inputs=tuple(path.absolute() for path in spec.inputs),
        log_dir=spec.log_dir.absolute(),
    )
