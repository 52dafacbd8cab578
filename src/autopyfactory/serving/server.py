"""Serving an application; whoever starts it owns the signals of the process."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from autopyfactory.api import AutoPyFactoryError

_STOP_S = 5
"""How long calls that are being answered may take when the server stops."""
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a server's certificate (with its chain) and of its key, in PEM."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raise `AutoPyFactoryError` where a server could not use them."""
        for what, file in (("certificate", self.certificate), ("key", self.key)):
            try:
                file.open("rb").close()
            except OSError as error:
                raise AutoPyFactoryError(f"the {what} {file} cannot be read: {error.strerror}") from error
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, _no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError among them
            raise AutoPyFactoryError(
                f"the certificate {self.certificate} cannot be used with the key {self.key}: {error}; "
                "expected PEM files that belong together"
            ) from error


def _no_password() -> str:
    # else it would be asked for on the terminal, if there is one
    raise ValueError("the key is encrypted, and nobody is there to give the password")


async def serve(
    app: FastAPI,
    host: str = "127.0.0.1",
    port: int = 25080,
    ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
    *,
    name: str = "board",
    tls: Tls | None = None,
) -> None:
    """Serve until ``stop`` is set or this is cancelled; calls that are being answered are finished first.

    Port 0 takes a free one; ``ready`` is called with the URL once it answers there.  Raises
    `AutoPyFactoryError` where it cannot listen, or not use the files of ``tls``.
    """
    if tls is not None:
        tls.check()
    listener = _listen(host, port)
    url = _url(listener, "https" if tls else "http")
    config = uvicorn.Config(
        app,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        server_header=False,
        # by itself it would believe anybody on this machine whom they call for
        proxy_headers=False,
        access_log=False,
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=_STOP_S,
    )
    server = _Server(config, lambda: ready(url) if ready else None)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=f"{name}-server")
    stopped = asyncio.create_task((stop or asyncio.Event()).wait(), name=f"{name}-stop")
    try:
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        server.should_exit = True
        await serving
        listener.close()
    if not server.answered:
        raise AutoPyFactoryError(f"the {name} at {url} could not start; the log tells why")


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


def _url(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
