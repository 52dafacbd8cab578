"""The two wishes to Linux that the standard library cannot utter."""

import signal
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _load() -> Any:
    """Return the C library, None where it cannot be had; before any fork, not in one."""
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError):
        # some nodes have a Python without it
        return None


LIBC = _load()


def die_with_parent() -> None:
    """Let this process be killed when its parent dies."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def adopt_orphans() -> None:
    """Let descendants whose parent dies become children of this process, so that they can be found."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, argument: int) -> None:
    prctl = getattr(LIBC, "prctl", None)
    if prctl is not None:
        prctl(option, argument, 0, 0, 0)
