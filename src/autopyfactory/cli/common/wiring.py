"""Builds the concrete plugins that a configuration names.  Nothing else in the package does."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from autopyfactory.api import BatchSystem, Clock, Context, WmsStatus
from autopyfactory.config import Config, Endpoint


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The plugins of a configuration, by the NAME of their section."""

    wms: Mapping[str, WmsStatus]
    batch: Mapping[str, BatchSystem]


def build(config: Config, clock: Clock) -> Endpoints:
    """Build every endpoint of the configuration; none of them connects before it is used."""

    # Any: an entry point cannot say which contract it keeps; the contract suites in testkit do
    def made(endpoint: Endpoint) -> Any:
        context = Context(config.factory_id, endpoint.name, config.factory.state_dir, clock)
        return endpoint.plugin(endpoint.settings, context)

    return Endpoints(
        wms={name: made(endpoint) for name, endpoint in config.wms.items()},
        batch={name: made(endpoint) for name, endpoint in config.batch.items()},
    )


@asynccontextmanager
async def built(config: Config, clock: Clock) -> AsyncIterator[Endpoints]:
    """Build every endpoint, and close all of them in the end."""
    endpoints = build(config, clock)
    plugins: list[WmsStatus | BatchSystem] = [*endpoints.wms.values(), *endpoints.batch.values()]
    async with AsyncExitStack() as closing:
        for plugin in plugins:
            closing.push_async_callback(plugin.close)
        yield endpoints
