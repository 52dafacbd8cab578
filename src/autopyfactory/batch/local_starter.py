"""The starter of local pilots: starts them first come, first served, as slots become free.

Run as ``python -m autopyfactory.batch.local_starter DIRECTORY``; it goes into the background by itself.
There is one for each instance, made when a factory finds none, and it leaves when nothing waits any more.  It
keeps nothing that is not in the files, so it may be killed at any time.
"""

import fcntl
import logging
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from autopyfactory.batch.local_files import Life, LocalFiles, StarterSettings
from autopyfactory.batch.local_keeper import Keeper
from autopyfactory.batch.local_records import Submission
from autopyfactory.batch.local_slots import Share, Slots
from autopyfactory.model import PilotId

LINGER_S = 5.0
"""How long a starter without waiting pilots stays."""
_LOOK_S = 1.0
"""How often it looks around without being woken."""
_CHECK_S = 5.0
"""How often it checks that pilots which count as running do."""
_TIDY_S = 3600.0
_LOCK_S = 3.0
"""How long it waits for the lock: another starter may be on its way out."""

logger = logging.getLogger(__name__)


class Waiting(NamedTuple):
    """A pilot in the queue."""

    pilot: PilotId
    submission: Submission


class Starter:
    """Brings waiting pilots and free slots together."""

    def __init__(self, files: LocalFiles, lock: int) -> None:
        self._files = files
        self._lock = lock
        self._pipe = os.open(files.wake, os.O_RDWR | os.O_NONBLOCK)
        self._waiting: deque[Waiting] = deque()
        self._live: dict[PilotId, Submission] = {}
        """Waiting or running."""
        self._submissions: dict[str, Submission] = {}
        self._slots = Slots(0, None)
        self._checked = self._tidied = self._busy = time.monotonic()

    def run(self) -> None:
        """Start pilots until none has been waiting for a while."""
        while self.step() or time.monotonic() < self._busy + LINGER_S:
            select.select([self._pipe], [], [], _LOOK_S)
            with suppress(BlockingIOError):
                os.read(self._pipe, 65_536)
        os.close(self._pipe)

    def step(self) -> bool:
        """Bring everything up to date once; whether pilots wait."""
        settings = self._files.settings()
        self._slots.slots, self._slots.memory_mb = settings.slots, settings.memory_mb
        self._take_in()
        self._let_go()
        self._start(settings)
        self._retire()
        if time.monotonic() > self._tidied + _TIDY_S:
            self._tidied = time.monotonic()
            self._files.tidy(time.time(), settings.keep_endings_s)
        if self._waiting:
            self._busy = time.monotonic()
        return bool(self._waiting)

    def _take_in(self) -> None:
        """Read new submissions; those of an earlier starter have pilots that run or ended already."""
        for name in self._files.submission_names():
            if name in self._submissions:
                continue
            submission = self._files.submission(name)
            if submission is None:
                continue
            self._submissions[name] = submission
            for pilot in submission.pilots:
                if pilot not in self._live:
                    self._sort_in(pilot, submission)

    def _sort_in(self, pilot: PilotId, submission: Submission) -> None:
        life, running = self._files.look(pilot)
        if life is Life.ENDED:
            return
        if life in {Life.CANCELLED, Life.VANISHED}:
            self._files.bury(pilot, submission.factory, running)
            return
        self._live[pilot] = submission
        if running is None:
            self._waiting.append(Waiting(pilot, submission))
        else:
            self._slots.taken[pilot] = Share(running.cores, running.memory_mb, running.cpus)

    def _let_go(self) -> None:
        """Free the slots of pilots that ended."""
        for pilot in [pilot for pilot in self._slots.taken if self._files.has_ended(pilot)]:
            self._forget(pilot)
        if time.monotonic() > self._checked + _CHECK_S:
            self._checked = time.monotonic()
            for pilot in list(self._slots.taken):
                life, running = self._files.look(pilot)
                if life is not Life.RUNNING:
                    self._files.bury(pilot, self._live[pilot].factory, running)
                    self._forget(pilot)

    def _forget(self, pilot: PilotId) -> None:
        self._slots.taken.pop(pilot, None)
        self._live.pop(pilot, None)

    def _start(self, settings: StarterSettings) -> None:
        """Start pilots in their order.

        One that does not fit yet holds up all behind it, so that it gets room; one that can never fit, since
        the settings were changed, is passed over.
        """
        passed_over: list[Waiting] = []
        while self._waiting:
            pilot, submission = self._waiting[0]
            spec = submission.spec
            if self._files.has_ended(pilot) or self._files.is_cancelled(pilot):
                self._live.pop(pilot, None)
            elif self._slots.impossible(spec.cores, spec.memory_mb):
                passed_over.append(self._waiting[0])
            elif not self._slots.has_room(spec.cores, spec.memory_mb):
                break
            elif not self._hand_over(pilot, submission, settings):
                logger.error("cannot start pilot %s; trying again in %g s", pilot, _LOOK_S)
                break
            self._waiting.popleft()
        self._waiting.extendleft(reversed(passed_over))

    def _hand_over(self, pilot: PilotId, submission: Submission, settings: StarterSettings) -> bool:
        """Fork a keeper, and wait until the pilot runs."""
        cpus = self._slots.processors(submission.spec.cores) if settings.pin_cpus else ()
        told, tell = os.pipe()
        if os.fork() == 0:
            os.close(told)
            with _ending_here():
                keeper = Keeper(self._files, settings, submission, pilot, cpus)
                keeper.keep(tell, (self._lock, self._pipe))
        os.close(tell)
        started = os.read(told, 1) == b"+"
        os.close(told)
        if started:
            spec = submission.spec
            self._slots.taken[pilot] = Share(spec.cores, spec.memory_mb, cpus)
        return started

    def _retire(self) -> None:
        """Forget submissions without live pilots."""
        done = [
            name
            for name, submission in self._submissions.items()
            if not any(pilot in self._live for pilot in submission.pilots)
        ]
        for name in done:
            self._files.retire(name)
            del self._submissions[name]


def main(directory: str) -> int:
    """Become the starter of an instance, unless there is one; return when that is settled."""
    files = LocalFiles(Path(directory))
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        return 0 if os.read(told, 1) == b"+" else 1
    os.close(told)
    with _ending_here():
        _into_the_background(files)
        lock = _take_lock(files, _LOCK_S)
        if lock is not None:
            with suppress(FileExistsError):
                os.mkfifo(files.wake, 0o600)
            starter = Starter(files, lock)
            _tell(tell)
            starter.run()
            os.close(lock)
            _serve_late_comers(files)
        else:
            _tell(tell)
    return 0


def _serve_late_comers(files: LocalFiles) -> None:
    """Go on where something was submitted after the last look.

    Its factory woke this starter, which did not read the pipe any more, and so made no new one.
    """
    while _anything_waits(files) and (lock := _take_lock(files, 0)) is not None:
        Starter(files, lock).run()
        os.close(lock)


def _tell(descriptor: int) -> None:
    with suppress(BrokenPipeError):  # the factory was killed meanwhile
        os.write(descriptor, b"+")
    os.close(descriptor)


def _anything_waits(files: LocalFiles) -> bool:
    submissions = map(files.submission, files.submission_names())
    return any(
        files.look(pilot)[0] is Life.WAITING
        for submission in submissions
        if submission
        for pilot in submission.pilots
    )


def _take_lock(files: LocalFiles, patience_s: float) -> int | None:
    lock = os.open(files.lock, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(lock)
                return None
            time.sleep(0.02)
        else:
            os.truncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())  # for people who look for it
            return lock


def _into_the_background(files: LocalFiles) -> None:
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(descriptor, target)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers tell through files; nobody need reap them


@contextmanager
def _ending_here() -> Iterator[None]:
    """End this forked process with the block, whatever happens in it; errors go to the log."""
    try:
        yield
    except BaseException:
        logger.exception("unexpected")
    finally:
        logging.shutdown()
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
