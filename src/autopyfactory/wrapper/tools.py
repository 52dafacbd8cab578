"""Other programs that are asked something: started without a shell, and never waited for without end."""

import os
import signal
import subprocess
import tempfile
from typing import IO, Dict, List, NamedTuple, Optional

MAX_BYTES = 1 << 20


class Said(NamedTuple):
    """What became of a program."""

    code: Optional[int]
    """None: it did not end in time."""
    out: str
    err: str


def ask(words: List[str], timeout_s: float, directory: Optional[str] = None) -> Said:
    """Run a program to its end, or kill its process group; raises `OSError` where it cannot be started."""
    # into files: what it leaves behind may keep a pipe open for ever
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            words,
            cwd=directory,
            env=public_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        code: Optional[int] = None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
        kill_group(process.pid)
        process.wait()
        return Said(code, _content(out), _content(err))


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(MAX_BYTES).decode("utf-8", "replace")


def kill_group(group: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to all processes of a group; none left is fine."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


SECRETS = ("APF_PILOT_TOKEN", "PANDA_AUTH_TOKEN")
"""Variables that are for the wrapper alone."""


def public_environment() -> Dict[bytes, bytes]:
    """Return the environment without the wrapper's secrets, as bytes: its words may be in any encoding."""
    return {name: value for name, value in os.environb.items() if os.fsdecode(name) not in SECRETS}
