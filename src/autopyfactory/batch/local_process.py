"""Processes of this machine by an identity that outlives the reuse of process ids."""

import os
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _START_TICKS = 0, 19
"""Positions in ``/proc/PID/stat`` after the command's name: proc(5), fields 3 and 22."""


class ProcessId(NamedTuple):
    """A process that is never mistaken for a later one: its id, when it started, and on which boot."""

    pid: int
    ticks: int
    boot: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _ticks(self.pid) == self.ticks and boot_id() == self.boot


def identify(pid: int) -> ProcessId:
    """Return the identity of a running process.  Raises `ProcessLookupError`."""
    ticks = _ticks(pid)
    if ticks is None:
        raise ProcessLookupError(f"no process {pid}")
    return ProcessId(pid, ticks, boot_id())


def signal_process(process: ProcessId, number: signal.Signals) -> bool:
    """Send a signal to exactly this process; False where it is gone."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(process.pid)
        try:
            # the handle holds on to the process, so what is true now stays true until the signal is sent
            if process.alive:
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to the process group of a leader; nothing where the group is gone."""
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


@cache
def boot_id() -> str:
    """Return what tells this boot of the machine from all others."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None where it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[_STATE] in b"ZX" else int(fields[_START_TICKS])
