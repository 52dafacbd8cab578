"""The wrapper's own output: lines with the time in UTC on stdout, banners on stderr too."""

import os
import time

LEVELS = ("debug", "info", "warning", "error")


class _Voice(object):
    """How much is said.  Set once, from the command line."""

    def __init__(self) -> None:
        self.debug = False
        self.info = True


VOICE = _Voice()


def listen_at(level: str) -> None:
    """Say what is of this level and above; banners and problems are always said."""
    VOICE.debug = level == "debug"
    VOICE.info = level in ("debug", "info")


def say(text: str) -> None:
    """Tell something that the reader of the log should know."""
    write("%s %s\n" % (stamp(), text))


def info(text: str) -> None:
    """Tell how things go."""
    if VOICE.info:
        say(text)


def debug(text: str) -> None:
    """Tell what only somebody who looks for a fault wants to know."""
    if VOICE.debug:
        say(text)


def banner(title: str) -> None:
    """Write a line that the eye finds in a long log, and that shows in both logs where they meet."""
    line = "%s ===== %s =====\n" % (stamp(), title)
    write(line)
    write(line, to=2)


def stamp() -> str:
    """Return the time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write(text: str, to: int = 1) -> None:
    """Write text as UTF-8, whatever the locale of the node."""
    write_bytes(text.encode("utf-8", "replace"), to)


def write_bytes(data: bytes, to: int = 1) -> None:
    """Write to a descriptor; one that is closed does not stop the pilot.

    Past Python's own buffer: what that could not flush at the end would change the exit code.
    """
    try:
        while data:
            data = data[os.write(to, data) :]
    except OSError:
        pass
