"""The calls of the monitors' protocol that a factory makes."""

import asyncio
import io
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from autopyfactory.model.monitor import MESSAGE_CHARACTERS, FactoryCard, LabelCard

_REPLY_BYTES = 64 * 1024
_SHOWN = 200
_FORM = "application/x-www-form-urlencoded"
_NOT_CREATED = re.compile(r"(\d+) not created")
# what a server says that would say the same next time
_FINAL = frozenset({400, 405, 409, 411, 413, 414, 415, 422})


class MonitorAway(Exception):
    """No usable answer: try again later."""


class MonitorRefused(Exception):
    """The monitor will never take this: do not send it again."""


class MonitorForgot(Exception):
    """The monitor does not know this factory or this label (any more): present them first."""


class MonitorClient:
    """One monitor, over connections that are kept open."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def put_factory(self, card: FactoryCard, startup_at: datetime) -> None:
        """Present a factory; this and the others raise `MonitorAway`, `MonitorRefused`, `MonitorForgot`."""
        document = {
            "url": card.url,
            "email": card.email,
            "version": card.version,
            "type": card.kind,
            "startup": startup_at.isoformat(),
        }
        await self._call("PUT", f"factories/{quote(card.name, safe='')}", json.dumps(document))

    async def put_labels(self, cards: Sequence[LabelCard]) -> None:
        """Present labels."""
        names = ("name", "factory", "batchqueue", "wmsqueue", "resource", "localqueue")
        document = [{name: getattr(card, name) for name in names} for card in cards]
        await self._call("PUT", "labels", json.dumps(document))

    async def put_jobs(self, jobs: Sequence[dict[str, str]]) -> int:
        """Announce pilots; return how many were not created, since their label is not known."""
        text = await self._call("PUT", "jobs", json.dumps(jobs))
        found = _NOT_CREATED.search(text)
        return int(found[1]) if found else 0

    async def post_status(self, factory: str, label: str, status: str) -> None:
        """Tell the trace of a label's rules."""
        key = ":".join(quote(name, safe="") for name in (factory, label))
        form = urlencode({"status": status[:MESSAGE_CHARACTERS]})
        await self._call("POST", f"labels/{key}", form, _FORM)

    async def close(self) -> None:
        """Close the connections.  Twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(self, method: str, path: str, body: str, kind: str = "application/json") -> str:
        url = f"{self._url}/{path}"
        # as a stream, since aiohttp writes one in pieces
        options: dict[str, Any] = {"data": io.BytesIO(body.encode()), "headers": {"Content-Type": kind}}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._open().request(method, url, allow_redirects=False, **options) as response,
            ):
                text = (await response.content.read(_REPLY_BYTES)).decode("utf-8", "replace")
        except TimeoutError as error:
            raise MonitorAway(f"{url}: no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise MonitorAway(f"{url}: {str(error) or type(error).__name__}") from error
        return _judged(url, response.status, text)

    def _open(self) -> aiohttp.ClientSession:
        # made at the first call, since a session belongs to the running event loop
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        return self._session


def _judged(url: str, status: int, text: str) -> str:
    if status in (200, 201):
        return text
    why = f"{url}: HTTP {status}: {text[:_SHOWN]!r}"
    if status == 404:
        raise MonitorForgot(why)
    if status in _FINAL:
        raise MonitorRefused(why)
    raise MonitorAway(why)
