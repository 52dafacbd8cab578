"""A monitor that serves in the process of the test, and can be taken away and brought back."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from pydantic import SecretStr
from web_world import HandClock

from autopyfactory.api import WebStore
from autopyfactory.config import Config, FactorySettings, WebSettings
from autopyfactory.model import FactoryId
from autopyfactory.serving import serve
from autopyfactory.store import open_store
from autopyfactory.web import WebContext, create_monitor_app


def free_port() -> int:
    """Return a port that nobody listens on at present."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass(slots=True)
class MonitorServer:
    """A monitor with a store of its own, at one port."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @asynccontextmanager
    async def serving(
        self, networks: str = "127.0.0.0/8", udp_port: int | None = None
    ) -> AsyncIterator[WebStore]:
        """Serve meanwhile; what it was told outlives it."""
        url = f"sqlite:///{self.folder}/monitor.db"
        web = WebSettings(port=self.port, monitor_networks=(ip_network(networks),), monitor_udp_port=udp_port)
        config = Config(FactorySettings(id="monitor", store=SecretStr(url)), {}, {}, {}, web=web)
        store = await open_store(url, FactoryId("monitor"))
        reading = await open_store(url, None, create=False)
        app = create_monitor_app(WebContext(lambda: config, reading, store, self.clock, b""))
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(
            serve(app, "127.0.0.1", self.port, lambda _: ready.set(), stop, name="monitor")
        )
        try:
            await ready.wait()
            yield store
        finally:
            stop.set()
            await serving
            await reading.close()
            await store.close()
