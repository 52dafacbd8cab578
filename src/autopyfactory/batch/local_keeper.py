"""The keeper of one local pilot: starts it, waits for it, limits it, and writes down how it ended.

A keeper is forked from the starter and outlives it, and the factory too.  Order matters here: the pilot's
first instruction runs only after ``running.json`` is in place, and only if it was not cancelled until then.
"""

import ctypes
import gc
import os
import resource
import shutil
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from autopyfactory.batch.environment import pilot_environment, pilot_token
from autopyfactory.batch.local_files import LocalFiles, Running, StarterSettings
from autopyfactory.batch.local_process import identify, signal_group
from autopyfactory.batch.local_records import Submission, moment
from autopyfactory.model import BatchId, EndCause, Ending, PilotId

CANNOT_RUN = 127
"""Exit code of a pilot whose command could not be run; what a shell says in that case."""
_PR_SET_CHILD_SUBREAPER = 36
_RETRY_S = 1.0
_WAKING = {signal.SIGCHLD, signal.SIGTERM}


class Keeper:
    """One pilot on its way from the queue to its ending."""

    def __init__(
        self,
        files: LocalFiles,
        settings: StarterSettings,
        submission: Submission,
        pilot: PilotId,
        cpus: tuple[int, ...],
    ) -> None:
        self._files = files
        self._settings = settings
        self._submission = submission
        self._pilot = pilot
        self._cpus = cpus
        self._host = socket.gethostname()
        self._stopped: tuple[EndCause, str] | None = None
        """Why the pilot was told to stop."""

    def keep(self, started: int, starters_own: Iterable[int]) -> None:
        """Run the pilot to its end.

        Closes the descriptor ``started`` once the pilot is on its way, and writes a byte to it before if so.
        ``starters_own`` are closed then: up to there the starter's lock is held, so that no other starter can
        take this pilot for one that is still to be started.
        """
        gc.disable()  # a collection would touch, and so copy, every page that is shared with the starter
        os.setsid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _adopt_orphans()
        began, began_s = time.monotonic(), time.time()
        child, go, trouble = self._fork([started, *starters_own])
        self._record(child, began_s)
        # a cancel leaves its mark before it looks for running.json, or has written the ending by now
        wanted = not self._files.is_cancelled(self._pilot) and not self._files.has_ended(self._pilot)
        if wanted:
            os.write(go, b"+")
        os.close(go)
        with suppress(BrokenPipeError):  # the starter was killed meanwhile, which changes nothing here
            os.write(started, b"+")
        for descriptor in (started, *starters_own):
            os.close(descriptor)
        if wanted:
            status = self._wait(child, began)
            self._write(self._ending(status, _text(trouble), began_s, time.monotonic() - began))
        else:
            os.waitpid(child, 0)
            self._write(Ending(EndCause.CANCELLED, reason="cancelled before it started"))
        wake(self._files)

    def _fork(self, unwanted: list[int]) -> tuple[int, int, int]:
        """Fork the pilot's process, which waits for a byte.

        Returns its id, the descriptor to write the byte to, and one that tells why it could not be run.
        """
        self._files.clear(self._pilot)  # what a keeper left that was killed before it came so far
        self._files.working_directory(self._pilot).mkdir(parents=True, mode=0o700)
        wait_for, go = os.pipe()
        trouble, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            os.write(tell, b"\n")
            os.close(go)
            if os.read(wait_for, 1):
                for descriptor in unwanted:
                    os.close(descriptor)
                self._become_the_pilot(tell)
            os._exit(0)
        os.close(wait_for)
        os.close(tell)
        os.read(trouble, 1)  # from here on it leads a process group
        return child, go, trouble

    def _record(self, child: int, began_s: float) -> None:
        spec = self._submission.spec
        running = Running(
            identify(child), identify(os.getpid()), began_s, spec.cores, spec.memory_mb, self._cpus
        )
        self._files.write_running(self._pilot, running)

    def _become_the_pilot(self, tell: int) -> NoReturn:
        try:
            self._prepare()
            self._execute()
        except (OSError, ValueError) as error:
            os.write(tell, str(error).encode()[:4000])
        os._exit(CANNOT_RUN)

    def _prepare(self) -> None:
        """Set up directory, files, output and limits of this process."""
        spec, settings = self._submission.spec, self._settings
        os.chdir(self._files.working_directory(self._pilot))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        spec.log_dir.mkdir(parents=True, exist_ok=True)
        for descriptor, suffix in ((1, "out"), (2, "err")):
            log = os.open(
                spec.log_dir / f"{self._pilot}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
            )
            os.dup2(log, descriptor)
        for path in spec.inputs:
            shutil.copy2(path, path.name)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self._cpus:
            os.sched_setaffinity(0, self._cpus)
        if settings.nice:
            os.nice(settings.nice)

    def _execute(self) -> NoReturn:
        spec = self._submission.spec
        executable = spec.executable
        if not os.access(executable, os.X_OK):
            # a batch system that carries the file to the node makes it executable, too
            executable = Path(shutil.copyfile(spec.executable, spec.executable.name)).absolute()
            executable.chmod(0o700)
        environment = pilot_environment(
            spec,
            factory=self._submission.factory,
            pilot=self._pilot,
            batch_id=BatchId(self._pilot),
            submit_host=self._host,
            user=self._settings.base_environment.get("USER", str(os.getuid())),
            own_token=pilot_token(spec, self._submission.factory, self._pilot),
        )
        own = {**self._settings.base_environment, "TMPDIR": str(Path.cwd()), **environment}
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if self._settings.enforce_memory:  # last, since this process is bound by it, too
            limit_bytes = spec.memory_mb * 1024 * 1024
            resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
        os.execve(executable, [str(executable), *spec.arguments], own)  # noqa: S606 - no shell is wanted

    def _wait(self, child: int, began: float) -> int:
        """Return the pilot's wait status; stop it where its time is over or SIGTERM asks for it."""
        walltime_s = self._submission.spec.walltime_s
        deadline = began + walltime_s if walltime_s is not None else None
        while not _has_ended(child):
            rest_s = 86_400 if deadline is None else max(0.0, deadline - time.monotonic())
            woken = signal.sigtimedwait(_WAKING, rest_s)
            if woken is not None and woken.si_signo == signal.SIGTERM and self._stopped is None:
                self._stopped = (EndCause.CANCELLED, "cancelled by the factory")
            elif deadline is None or time.monotonic() < deadline:
                continue
            elif self._stopped is None:
                self._stopped = (EndCause.REMOVED, f"ran longer than its walltime of {walltime_s} s")
            else:
                signal_group(child, signal.SIGKILL)
                deadline = None
                continue
            signal_group(child, signal.SIGTERM)
            deadline = time.monotonic() + self._settings.kill_grace_s
        signal_group(child, signal.SIGKILL)  # what it left behind; its own id is still ours, it is not reaped
        _, status = os.waitpid(child, 0)
        _kill_descendants()
        return status

    def _ending(self, status: int, trouble: str, began_s: float, wall_s: float) -> Ending:
        code = os.waitstatus_to_exitcode(status)
        cause, reason = EndCause.EXIT if code >= 0 else EndCause.SIGNAL, ""
        if self._stopped is not None:
            cause, reason = self._stopped
        elif trouble:
            reason = f"cannot run {self._submission.spec.executable}: {trouble}"
        return Ending(
            cause=cause,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            started_at=moment(began_s),
            ended_at=moment(began_s + wall_s),
            wall_s=wall_s,
            host=self._host,
            reason=reason,
        )

    def _write(self, ending: Ending) -> None:
        """Write it, however long that takes: while the disk is full the pilot counts as running."""
        while True:
            try:
                self._files.end(self._pilot, self._submission.factory, ending)
            except OSError:
                time.sleep(_RETRY_S)
            else:
                return


def wake(files: LocalFiles) -> bool:
    """Tell the starter that there is something to do; False where no starter is there."""
    try:
        descriptor = os.open(files.wake, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False  # no such pipe, or nobody reads it
    with suppress(BlockingIOError):  # so many others woke it already that the pipe is full
        os.write(descriptor, b".")
    os.close(descriptor)
    return True


def _has_ended(child: int) -> bool:
    """Reap orphans that have ended; return whether the child itself has, and leave it unreaped."""
    while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if ended.si_pid == child:
            return True
        os.waitpid(ended.si_pid, 0)
    return False


def _adopt_orphans() -> None:
    """Become the parent of whatever the pilot's processes leave behind, sessions of their own included."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _kill_descendants() -> None:
    """Kill every child, and the children that each of them leaves to us, until there is none."""
    own = Path(f"/proc/self/task/{os.getpid()}/children")
    with suppress(ChildProcessError):
        while True:
            for pid in own.read_text(encoding="ascii").split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            os.waitpid(-1, 0)


def _text(descriptor: int) -> str:
    """Return what is in a pipe whose writers are gone."""
    with open(descriptor, encoding="utf-8", errors="replace") as pipe:
        return pipe.read()
