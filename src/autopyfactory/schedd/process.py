"""A worker process as its parent sees it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from autopyfactory.schedd.errors import (
    ScheddError,
    ScheddRefused,
    ScheddSilent,
    ScheddTooLate,
    ScheddUnreachable,
)
from autopyfactory.schedd.frames import HEADER, Kind, Reply, Request, decode_reply, encode

_ERRORS: Mapping[str, type[ScheddError]] = {
    Kind.REFUSED: ScheddRefused,
    Kind.TOO_LATE: ScheddTooLate,
    Kind.UNREACHABLE: ScheddUnreachable,
    Kind.SILENT: ScheddSilent,
}
_BUFFER_BYTES = 1 << 20


class WorkerProcess:
    """One running worker.  One request at a time."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, schedd: str, collector: str, environment: Mapping[str, str]) -> "WorkerProcess":
        """Start a worker; raises `OSError`."""
        ours, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            argv = [sys.executable, "-P", "-m", "autopyfactory.schedd.worker"]
            try:
                # a session of its own: Ctrl-C in a terminal is for the factory alone.  Started from the
                # loop's own thread, since the kernel binds the worker's life to the thread that made it.
                process = subprocess.Popen(  # noqa: ASYNC220 - a fork takes a millisecond
                    [*argv, str(os.getpid()), str(fd), schedd, collector],
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    pass_fds=(fd,),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        reader, writer = await asyncio.open_connection(sock=ours, limit=_BUFFER_BYTES)
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None and not self._reader.at_eof()

    async def ask(self, request: Request, take: Callable[[Any], None]) -> Any:
        """Return the result of a request; give each part of it to ``take`` as it comes.

        Raises the worker's `ScheddError`, and `ScheddSilent` where the worker ends before its answer.
        """
        try:
            self._writer.write(encode(request))
            await self._writer.drain()
            while (reply := await self._reply()).kind == Kind.PART:
                take(reply.payload)
                # parts that came at once are taken one by one; others get their turn
                await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ScheddSilent("the worker process ended in the middle of a request") from error
        if reply.kind == Kind.DONE:
            return reply.payload
        raise _ERRORS[reply.kind](reply.payload)

    def kill(self) -> None:
        """Kill it, by its pid, whatever it is doing; `stop` is still to be called."""
        self._process.kill()

    async def stop(self) -> None:
        """Kill it, and let go of all that belonged to it."""
        self.kill()
        self._writer.close()
        await asyncio.to_thread(self._process.wait)
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return  # closed by the other end first

    async def _reply(self) -> Reply:
        (length,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
        return decode_reply(await self._reader.readexactly(length))
