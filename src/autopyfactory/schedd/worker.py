"""The worker process: ``python -m autopyfactory.schedd.worker PARENT FD SCHEDD COLLECTOR``.

It takes requests from the socket FD one after the other.  It lives no longer than its factory: the kernel
kills it when its parent dies, even in the middle of a call, so that a submission ends with its factory (the
schedd drops a transaction whose client is gone).
"""

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

from autopyfactory.schedd.bindings import Bindings
from autopyfactory.schedd.errors import ScheddError, ScheddRefused, ScheddTooLate, ScheddUnreachable
from autopyfactory.schedd.frames import Kind, Reply, Request, encode, read_request

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Serve until the parent closes the socket."""
    parent, fd, schedd, collector = int(argv[0]), int(argv[1]), argv[2], argv[3]
    die_with(parent)
    # it ends with its parent, which has orders to finish first when the whole service is told to stop
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # the bindings may write to stdout or read stdin; neither is theirs
    os.dup2(2, 1)
    with socket.socket(fileno=fd) as connection:
        serve(connection, Worker(schedd, collector))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


class Worker:
    """Answers requests; the bindings are loaded at the first."""

    def __init__(self, schedd: str, collector: str) -> None:
        self._where = (schedd, collector)
        self._bindings: Bindings | None = None

    def answer(self, request: Request) -> Iterator[Reply]:
        """Yield the replies to one request; the last is no `Kind.PART`."""
        try:
            if self._bindings is None:
                self._bindings = Bindings(*self._where)
            result: Any = getattr(self._bindings, request.method)(*request.arguments)
            if isinstance(result, Iterator):
                for part in result:
                    yield Reply(Kind.PART, part)
                result = None
        except ScheddError as error:
            yield Reply(_kind(error), str(error))
        else:
            yield Reply(Kind.DONE, result)


def _kind(error: ScheddError) -> Kind:
    if isinstance(error, ScheddRefused):
        return Kind.REFUSED
    if isinstance(error, ScheddTooLate):
        return Kind.TOO_LATE
    return Kind.UNREACHABLE if isinstance(error, ScheddUnreachable) else Kind.SILENT


def serve(connection: socket.socket, worker: Worker) -> None:
    """Answer requests until there are no more."""
    # A query makes tens of thousands of objects at once, which Python's collector would walk over and over:
    # a quarter of the whole time.  None of them is part of a cycle, so it is enough to collect afterwards.
    gc.disable()
    with connection.makefile("rb") as requests:
        while (request := read_request(requests)) is not None:
            for reply in worker.answer(request):
                try:
                    connection.sendall(encode(reply))
                except (BrokenPipeError, ConnectionResetError):
                    return
            gc.collect()


if __name__ == "__main__":
    main(sys.argv[1:])
