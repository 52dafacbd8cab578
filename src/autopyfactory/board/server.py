"""Serving the board; whoever starts it owns the signals of the process."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from autopyfactory.api import AutoPyFactoryError

_STOP_S = 5
"""How long calls that are being answered may take when the board stops."""
_BACKLOG = 1024


async def serve(
    app: FastAPI,
    host: str = "127.0.0.1",
    port: int = 25080,
    ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set or this is cancelled; calls that are being answered are finished first.

    Port 0 takes a free one; ``ready`` is called with the URL once the board answers there.  Raises
    `AutoPyFactoryError` where it cannot listen.
    """
    listener = _listen(host, port)
    url = _url(listener)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=_STOP_S,
    )
    server = _Server(config, lambda: ready(url) if ready else None)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="board-server")
    stopped = asyncio.create_task((stop or asyncio.Event()).wait(), name="board-stop")
    try:
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        server.should_exit = True
        await serving
        listener.close()
    if not server.answered:
        raise AutoPyFactoryError(f"the board at {url} could not start; the log tells why")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.answered = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.answered = True
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would take SIGINT and SIGTERM away from the caller
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise AutoPyFactoryError(
            f"cannot listen on {host}:{port}: {error}; choose another address or port (0: any free one)"
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
