"""Watches a payload until it ends, and ends it where it must not go on."""

import os
import signal
import time
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional, Tuple

from autopyfactory.wrapper import processes
from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.payload import ERR, OUT, Usage
from autopyfactory.wrapper.talk import say, write_bytes
from autopyfactory.wrapper.tools import kill_group

if TYPE_CHECKING:
    import subprocess

# PanDA's pilot error codes
OUTPUT_TOO_LARGE = 1104
SILENT = 1150
TOLD_TO_END = 1201
TOO_LONG = 1213
TOO_MUCH_MEMORY = 1235


class Limits(NamedTuple):
    """When a payload is stopped.  None: never."""

    wall_s: Optional[float] = None
    memory_mb: Optional[int] = None
    silence_s: Optional[float] = None
    output_mb: Optional[int] = None
    grace_s: float = 5.0
    """Between the signal that asks it to end and SIGKILL."""
    every_s: float = 5.0
    """Between two looks at memory and output."""


class Stop(NamedTuple):
    """Why a payload was stopped."""

    why: str
    pilot_error: int
    number: int = signal.SIGTERM
    """The signal that asks it to end."""


class Supervisor(object):
    """Watches one payload."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        directory: str,
        limits: Limits,
        ending: Ending,
        node: Node,
        echo: bool = False,
    ) -> None:
        self._process = process
        self._directory = directory
        self._limits = limits
        self._ending = ending
        self._node = node
        self._started = time.monotonic()
        self._heard = self._started
        self._size = 0
        self._max_mb = 0.0
        self._cpu_s = 0.0
        self._returned: Optional[int] = None
        self._echoes = [_Echo(os.path.join(directory, OUT), 1), _Echo(os.path.join(directory, ERR), 2)]
        self._echo = echo

    def usage(self) -> Usage:
        """Return what it used so far; processor time only when it has ended."""
        wall_s = time.monotonic() - self._started
        return Usage(round(wall_s, 3), round(self._cpu_s, 3), round(self._max_mb, 1))

    def run(
        self, unwanted: Callable[[], bool], stopping: Callable[[str], None]
    ) -> Tuple[int, Optional[Stop]]:
        """Return exit code (minus the signal if it was killed), and why it was stopped, if it was.

        ``stopping`` is told before the payload is: afterwards there may be no time left.
        """
        stop = self._watch(unwanted)
        if stop is not None:
            say("stopping the payload: %s" % stop.why)
            stopping(stop.why)
            kill_group(self._process.pid, stop.number)
            if not self._ended_within(self._limits.grace_s):
                say("payload does not end, killing it")
        # whatever the payload left behind goes with it
        kill_group(self._process.pid)
        self._ended_within(float("inf"))
        processes.kill_all(self._node, os.getpid(), self._process.pid)
        self._show()
        return self._returned or 0, stop

    def _watch(self, unwanted: Callable[[], bool]) -> Optional[Stop]:
        pause_s = 0.01
        look_at = self._started
        while not self._poll():
            for number in self._ending.to_pass_on():
                kill_group(self._process.pid, number)
            stop = self._told(unwanted)
            if stop is None and time.monotonic() >= look_at:
                stop = self._over_limits()
                look_at = time.monotonic() + self._limits.every_s
            if stop is not None:
                return stop
            self._show()
            time.sleep(pause_s)
            pause_s = min(0.25, 1.5 * pause_s)
        return None

    def _told(self, unwanted: Callable[[], bool]) -> Optional[Stop]:
        if self._ending.signal:
            number = self._ending.signal
            return Stop("the pilot got signal %d" % number, TOLD_TO_END, number)
        if unwanted():
            return Stop("the WMS wants it no more", TOLD_TO_END)
        limit_s = self._limits.wall_s
        if limit_s is not None and time.monotonic() - self._started > limit_s:
            return Stop("it ran longer than %g s" % limit_s, TOO_LONG)
        return None

    def _over_limits(self) -> Optional[Stop]:
        limits = self._limits
        ours = processes.of_payload(processes.listed(self._node), os.getpid(), self._process.pid)
        limit_mb = float("inf") if limits.memory_mb is None else limits.memory_mb
        memory_mb = processes.memory_mb(self._node, ours, limit_mb)
        self._max_mb = max(self._max_mb, memory_mb)
        if memory_mb > limit_mb:
            return Stop("it holds %.0f MB of memory, %d allowed" % (memory_mb, limit_mb), TOO_MUCH_MEMORY)
        if self._silent_s() > (float("inf") if limits.silence_s is None else limits.silence_s):
            return Stop("its log is silent for more than %g s" % (limits.silence_s or 0), SILENT)
        if limits.output_mb is not None:
            output_mb = size_of(self._directory) / (1 << 20)
            if output_mb > limits.output_mb:
                why = "its directory holds %.0f MB, %d allowed" % (output_mb, limits.output_mb)
                return Stop(why, OUTPUT_TOO_LARGE)
        return None

    def _silent_s(self) -> float:
        size = sum(_size(os.path.join(self._directory, name)) for name in (OUT, ERR))
        if size != self._size:
            self._size, self._heard = size, time.monotonic()
        return time.monotonic() - self._heard

    def _poll(self) -> bool:
        """Collect children that ended, adopted ones among them; True once the payload has."""
        while self._returned is None:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                # cannot be: the payload is a child that nobody else waits for
                self._returned = -int(signal.SIGKILL)
                break
            if pid == 0:
                break
            if pid == self._process.pid:
                killed = os.WIFSIGNALED(status)
                self._returned = -os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)
                self._cpu_s = used.ru_utime + used.ru_stime
                self._max_mb = max(self._max_mb, used.ru_maxrss / 1024.0)
        self._process.returncode = self._returned
        return self._returned is not None

    def _ended_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self._poll():
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        return True

    def _show(self) -> None:
        if self._echo:
            for echo in self._echoes:
                echo.more()


class _Echo(object):
    """Copies a file that grows to a descriptor."""

    def __init__(self, path: str, to: int) -> None:
        self._path = path
        self._to = to
        self._at = 0

    def more(self) -> None:
        try:
            with open(self._path, "rb") as file:
                file.seek(self._at)
                for part in iter(lambda: file.read(1 << 16), b""):
                    self._at += len(part)
                    write_bytes(part, self._to)
        except OSError:
            pass


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def size_of(directory: str) -> int:
    """Return the bytes of all files below a directory; links are not followed."""
    total = 0
    for folder, _, names in os.walk(directory):
        total += sum(_size(os.path.join(folder, name)) for name in names)
    return total
