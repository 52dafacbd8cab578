"""A payload as a process: started without a shell, in a group and directory of its own."""

import errno
import os
import resource
import shutil
import subprocess
import tempfile
from typing import Dict, List, NamedTuple, Optional

from autopyfactory.wrapper.errors import BadPayload
from autopyfactory.wrapper.libc import die_with_parent
from autopyfactory.wrapper.talk import banner, write

OUT, ERR = "payload.out", "payload.err"
RESULT_FILE = "result.json"
MAX_RESULT_BYTES = 64 * 1024
SHOWN_BYTES = 4000
"""How much of a payload's output goes into the pilot's own."""
DIAG_CHARACTERS = 300
CANNOT_RUN = 127
"""What shells tell of a command that was not found; reported of every payload that did not start."""
EXHAUSTED = (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.EIO)
"""Errors for which the node is to blame, not the command."""


class Command(NamedTuple):
    """What to start.

    Bytes, since on a node with the C locale Python 3.6 could not pass on other characters.
    """

    words: List[bytes]
    environment: Dict[bytes, bytes]
    vmem_kb: Optional[int] = None
    """Limit of each process's address space."""


class Usage(NamedTuple):
    """What a payload used."""

    wall_s: float
    cpu_s: float
    max_rss_mb: float


class Outcome(NamedTuple):
    """What became of a payload."""

    exit_code: int
    diag: str = ""
    """Why it failed; empty if it finished."""
    result: str = ""
    pilot_error: int = 0
    """PanDA's error code where it was not the payload that failed."""

    @property
    def status(self) -> str:
        """PanDA's word for it."""
        return "failed" if self.diag else "finished"


def new_directory(name: str) -> str:
    """Return a new directory below the pilot's; raises `OSError`."""
    plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
    return tempfile.mkdtemp(prefix="payload-%s-" % plain, dir=os.getcwd())


def remove_directory(directory: str) -> None:
    """Remove it as far as that is possible; directories that their owner may not enter among it."""
    for folder, _, _ in os.walk(directory):
        try:
            os.chmod(folder, 0o700)
        except OSError:
            pass
    shutil.rmtree(directory, ignore_errors=True)


def start(command: Command, directory: str) -> "subprocess.Popen[bytes]":
    """Start the payload; raises `BadPayload` where its command cannot be run, `OSError` where nothing can."""

    def prepare() -> None:
        # between fork and exec: a group of its own, and no life without the pilot
        os.setpgid(0, 0)
        die_with_parent()
        if command.vmem_kb:
            resource.setrlimit(resource.RLIMIT_AS, (command.vmem_kb << 10, command.vmem_kb << 10))

    with open(os.path.join(directory, OUT), "wb") as out:
        with open(os.path.join(directory, ERR), "wb") as err:
            try:
                return subprocess.Popen(
                    command.words,
                    cwd=directory,
                    env=command.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    preexec_fn=prepare,
                )
            except (ValueError, subprocess.SubprocessError) as error:
                raise BadPayload("cannot start %r: %s" % (command.words[0], error)) from error
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise
                raise BadPayload("cannot start %r: %s" % (command.words[0], error)) from error


def tail(path: str, size: int) -> str:
    """Return the end of a file; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - size))
            return file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""


def show_output(directory: str) -> None:
    """Copy the end of the payload's output into the pilot's."""
    for name in (OUT, ERR):
        text = tail(os.path.join(directory, name), SHOWN_BYTES)
        if text:
            banner("end of %s" % name)
            write(text if text.endswith("\n") else text + "\n")


def outcome_of(returned: int, directory: str) -> Outcome:
    """Judge a payload that ended by itself: its exit code, minus the signal if it was killed."""
    if returned:
        why = "exit code %d" % returned if returned > 0 else "killed by signal %d" % -returned
        last = tail(os.path.join(directory, ERR), DIAG_CHARACTERS).strip()
        return Outcome(returned if returned > 0 else 128 - returned, "%s: %s" % (why, last) if last else why)
    path = os.path.join(directory, RESULT_FILE)
    if not os.path.isfile(path):
        return Outcome(0)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_RESULT_BYTES + 1)
        if len(content) > MAX_RESULT_BYTES:
            return Outcome(0, "%s has more than %d bytes" % (RESULT_FILE, MAX_RESULT_BYTES))
        return Outcome(0, "", content.decode("utf-8"))
    except (OSError, ValueError) as error:
        return Outcome(0, "%s cannot be read: %s" % (RESULT_FILE, error))
