"""The web, served in the process of the test: a real store, real HTTP, a clock that is set by hand."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from autopyfactory.api import DeskStore
from autopyfactory.config import Config, WebSettings, load
from autopyfactory.model import ApiToken, AuditEntry, PilotId, QueueName, Scope, token
from autopyfactory.serving import serve
from autopyfactory.store import open_store
from autopyfactory.testkit.store import a_cycle, pilot_ids
from autopyfactory.web import WebContext, create_app, digest, new_token

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
AGLT2 = QueueName("AGLT2")

CONFIG = """
[factory]
id = "unit"
max_per_factory = 500

[wms.board]
plugin = "board"
url = "http://127.0.0.1:9"

[batch.local]
plugin = "local"

[profiles.all]
wms = "board"
batch = "local"
sched = ["ready", {max_pending = {maximum = 25}}]

[queues.AGLT2]
extends = "all"

[queues."ce.example.org:9619/condor"]
extends = "all"
"""


@dataclass(slots=True)
class HandClock:
    """Stands still; those who sleep wait for an instant.

    Whoever sleeps for a minute sleeps on: what is done now and then is called by the test.
    """

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await (asyncio.sleep(min(seconds, 0.001)) if seconds < 60 else asyncio.Event().wait())


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = None


@dataclass(slots=True)
class Web:
    """A web that serves."""

    url: str
    context: WebContext
    clock: HandClock
    session: aiohttp.ClientSession
    pilots: list[PilotId] = field(default_factory=list)

    @property
    def store(self) -> DeskStore:
        return self.context.writing

    async def call(self, method: str, path: str, *, bearer: str = "", **options: Any) -> Answer:
        """Send a request as it is written: nothing in the path is tidied up."""
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, headers=headers, **options) as reply:
            body = await reply.read()
            shown = await reply.json(content_type=None) if "json" in reply.content_type and body else None
            return Answer(reply.status, reply.headers, body, shown)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def token(self, *scopes: Scope, expires_at: datetime | None = None) -> str:
        """Make a token, as ``apf token create`` does."""
        secret = new_token()
        entry = AuditEntry(self.clock.now(), "test", "token.create", "t")
        made = ApiToken(
            digest(secret)[:8], "ann", digest(secret), frozenset(scopes), self.clock.now(), expires_at
        )
        await self.store.add_token(made, entry)
        return secret

    def pilot_token(self, named: PilotId, **changes: Any) -> str:
        """Return a pilot's token, good for an hour; ``changes`` spoil it."""
        good: dict[str, Any] = {
            "key": KEY,
            "factory": "unit",
            "pilot": named,
            "queue": AGLT2,
            "expires_at": self.clock.now() + timedelta(hours=1),
        }
        return token.mint(**{**good, **changes})


def web_config(folder: Path, **settings: Any) -> Config:
    """Return a configuration whose ``[web]`` has these settings."""
    file = folder / "apf.toml"
    file.write_text(CONFIG)
    for key in {"networks", "monitor_networks", "trusted_proxies"} & settings.keys():
        settings[key] = tuple(ip_network(network) for network in settings[key])
    return replace(load([file], {}), web=WebSettings(**settings))


@asynccontextmanager
async def serving_web(folder: Path, **settings: Any) -> AsyncIterator[Web]:
    """Serve a store that knows three pilots of AGLT2, planned in one cycle at `NOW`."""
    config = web_config(folder, **settings)
    url = config.factory.store.get_secret_value()
    writing = await open_store(url, config.factory_id)
    pilots = pilot_ids(3, NOW)
    await writing.plan(a_cycle(AGLT2, NOW, planned=3), pilots, "local")
    reading = await open_store(url, None, create=False)
    clock = HandClock()
    context = WebContext(lambda: config, reading, writing, clock, KEY)
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = create_app(context)
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, ready.set_result, stop, name="web"))
    try:
        async with aiohttp.ClientSession(
            auto_decompress=False, headers={"Accept-Encoding": "identity"}
        ) as session:
            yield Web(await ready, context, clock, session, pilots)
    finally:
        stop.set()
        await serving
        await reading.close()
        await writing.close()
