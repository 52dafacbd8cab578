"""Builds the concrete plugins that a configuration names.  Nothing else in the package does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autopyfactory.api import BatchSystem, Clock, Context, Notifier, Store, WmsStatus
from autopyfactory.bundle import BUILTIN_WRAPPER, place_wrapper
from autopyfactory.cli.common.failure import Failure
from autopyfactory.config import Config, Endpoint, NotifyTarget


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The plugins of a configuration, by the NAME of their section."""

    wms: dict[str, WmsStatus]
    batch: dict[str, BatchSystem]

    @property
    def systems(self) -> dict[str, WmsStatus | BatchSystem]:
        """All of them, by label: ``wms.NAME``, ``batch.NAME``."""
        return {
            **{f"wms.{name}": wms for name, wms in self.wms.items()},
            **{f"batch.{name}": batch for name, batch in self.batch.items()},
        }

    def take_over(self, new: "Endpoints", in_use: Collection[str]) -> None:
        """Take in new ones, over those of the same names, and forget all that are not in use any more.

        ``in_use`` are labels: ``wms.NAME``, ``batch.NAME``.
        """
        self.wms.update(new.wms)
        self.batch.update(new.batch)
        for name in [name for name in self.wms if f"wms.{name}" not in in_use]:
            del self.wms[name]
        for name in [name for name in self.batch if f"batch.{name}" not in in_use]:
            del self.batch[name]

    async def close(self) -> None:
        """Close all of them, also where some cannot be closed."""
        async with AsyncExitStack() as closing:
            for plugin in self.systems.values():
                closing.push_async_callback(plugin.close)


def lay_out_wrapper(config: Config) -> None:
    """Write the built-in wrapper to where pilots are submitted with it; raises `Failure`."""
    folder = wrapper_folder(config)
    if folder is None:
        return
    try:
        place_wrapper(folder)
    except OSError as error:
        raise Failure(
            f"the built-in wrapper cannot be written into {folder}: {error.strerror}; "
            'let "[factory] state_dir" name a directory that this user may write to'
        ) from error


def wrapper_folder(config: Config) -> Path | None:
    """Return where the built-in wrapper lies; None where no queue uses it."""
    needed = any(queue.settings.pilot.executable == BUILTIN_WRAPPER for queue in config.queues.values())
    return config.factory.state_dir if needed else None


@asynccontextmanager
async def wrappers_kept(
    config_in_force: Callable[[], Config], store: Store, clock: Clock
) -> AsyncIterator[None]:
    """Meanwhile remove wrappers of earlier versions as soon as no pilot needs them."""
    from autopyfactory.control.wrapper_keeping import keep_wrappers

    keeping = asyncio.create_task(
        keep_wrappers(lambda: wrapper_folder(config_in_force()), store, clock), name="wrappers"
    )
    try:
        yield
    finally:
        keeping.cancel()


def build(config: Config, clock: Clock, labels: Collection[str] | None = None) -> Endpoints:
    """Build every endpoint of the configuration, or those with these labels: ``wms.NAME``, ``batch.NAME``.

    None of them connects before it is used.
    """

    def made(kind: str, endpoints: Mapping[str, Endpoint]) -> dict[str, Any]:
        names = None if labels is None else [name for name in endpoints if f"{kind}.{name}" in labels]
        return _made(config, clock, endpoints, names)

    return Endpoints(wms=made("wms", config.wms), batch=made("batch", config.batch))


def build_notifiers(
    config: Config, clock: Clock, names: Collection[str] | None = None
) -> dict[str, Notifier]:
    """Build every ``[notify.NAME]``, or those of these names.

    None of them connects before it is used; whoever uses them closes them.
    """
    return _made(config, clock, config.notify, names)


def _made(
    config: Config,
    clock: Clock,
    sections: Mapping[str, Endpoint] | Mapping[str, NotifyTarget],
    names: Collection[str] | None,
) -> dict[str, Any]:
    # Any: an entry point cannot say which contract it keeps; the contract suites in testkit do
    return {
        name: section.plugin(
            section.settings, Context(config.factory_id, name, config.factory.state_dir, clock)
        )
        for name, section in sections.items()
        if names is None or name in names
    }


@asynccontextmanager
async def built(config: Config, clock: Clock) -> AsyncIterator[Endpoints]:
    """Build every endpoint, and close in the end all that are there then."""
    endpoints = build(config, clock)
    try:
        yield endpoints
    finally:
        await endpoints.close()
