"""Builds the concrete plugins that a configuration names.  Nothing else in the package does."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from autopyfactory.api import BatchSystem, Clock, Context, WmsStatus
from autopyfactory.bundle import BUILTIN_WRAPPER, place_wrapper
from autopyfactory.cli.common.failure import Failure
from autopyfactory.config import Config, Endpoint


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The plugins of a configuration, by the NAME of their section."""

    wms: Mapping[str, WmsStatus]
    batch: Mapping[str, BatchSystem]


def lay_out_wrapper(config: Config) -> None:
    """Write the built-in wrapper to where pilots are submitted with it; raises `Failure`."""
    needed = any(queue.settings.pilot.executable == BUILTIN_WRAPPER for queue in config.queues.values())
    if not needed:
        return
    folder = config.factory.state_dir
    try:
        place_wrapper(folder)
    except OSError as error:
        raise Failure(
            f"the built-in wrapper cannot be written into {folder}: {error.strerror}; "
            'let "[factory] state_dir" name a directory that this user may write to'
        ) from error


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
