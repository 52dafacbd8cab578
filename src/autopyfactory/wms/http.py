"""Asking a server that speaks the PanDA API v1: the transport and the frame of its replies."""

import asyncio
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, SecretStr

from autopyfactory.api import WmsUnavailable

Json = Any
"""What `json.loads` returns; every use checks the shape."""

MAX_REPLY_BYTES = 64 * 1024 * 1024
_SHOWN = 200
"""Characters of a strange answer that are shown in an error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame of every PanDA reply: ``{"success", "message", "data"}``."""

    success: bool
    message: str
    data: Json


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("expected no user, password, query or fragment in the URL; a secret goes into token")
    return url.rstrip("/")


ServerUrl = Annotated[str, AfterValidator(_checked_url)]
"""Base URL of a server, without a slash at its end; ``/api/v1`` is added to it."""


class PandaHttp:
    """Calls of one server, over connections that are kept open."""

    def __init__(
        self,
        url: str,
        *,
        token: SecretStr | None = None,
        timeout_s: float = 60,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.url = url
        self._token = token
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def get(self, method: str, params: Sequence[tuple[str, str | int]] = ()) -> Reply:
        """Call ``module/method`` by GET; raises `WmsUnavailable` where no well-formed reply comes in time."""
        return await self._call("GET", method, params=list(params))

    async def post(self, method: str, body: Mapping[str, Json]) -> Reply:
        """Call ``module/method`` by POST.

        Raises `WmsUnavailable` as `get` does; what was asked for may have been done all the same.
        """
        # as a stream, since aiohttp writes one in pieces
        stream = io.BytesIO(json.dumps(body).encode())
        return await self._call("POST", method, data=stream, headers={"Content-Type": "application/json"})

    async def close(self) -> None:
        """Close the connections.  Twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(self, verb: str, method: str, **arguments: Json) -> Reply:
        url = f"{self.url}/api/v1/{method}"
        try:
            async with asyncio.timeout(self._timeout_s):
                # a redirect is not followed: the token is for this server alone
                async with self._open().request(verb, url, allow_redirects=False, **arguments) as response:
                    body = await self._read(response)
        except TimeoutError as error:
            raise WmsUnavailable(f"{url}: no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise WmsUnavailable(f"{url}: {str(error) or type(error).__name__}") from error
        except _Unusable as error:
            raise WmsUnavailable(f"{url}: {error}") from None
        try:
            return _framed(body)
        except _Unusable as error:
            raise WmsUnavailable(f"{url}: {error}") from None

    def _open(self) -> aiohttp.ClientSession:
        # made at the first call, since a session belongs to the running event loop
        if self._session is None:
            headers = {"Accept": "application/json"}
            if self._token is not None:
                headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
            self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None))
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > self._max_bytes:
                raise _Unusable(f"the answer is larger than {self._max_bytes} bytes")
        if response.status != 200:
            raise _Unusable(f"HTTP {response.status} {response.reason}: {_excerpt(bytes(body))}")
        return bytes(body)


class _Unusable(Exception):
    """An answer came, but not one to rely on."""


def _framed(body: bytes) -> Reply:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Unusable(f"the answer is not JSON ({error}): {_excerpt(body)}") from error
    if not isinstance(reply, dict) or not isinstance(reply.get("success"), bool) or "data" not in reply:
        raise _Unusable(f'expected {{"success", "message", "data"}}, got {_excerpt(body)}')
    return Reply(reply["success"], str(reply.get("message") or ""), reply["data"])


def _excerpt(body: bytes) -> str:
    text = body[: 4 * _SHOWN].decode("utf-8", errors="replace")
    return repr(text[:_SHOWN]) + (" …" if len(text) > _SHOWN else "")
