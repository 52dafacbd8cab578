"""``apf check``: validate the configuration and try every endpoint."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from autopyfactory.api import (
    AutoPyFactoryError,
    BatchSystem,
    BatchUnavailable,
    Clock,
    SystemClock,
    WmsStatus,
    WmsUnavailable,
)
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.manual import EXIT_FAILURE
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import UNKNOWN, Column, err, number, out, plural, print_json, say, table
from autopyfactory.cli.common.stores import probe
from autopyfactory.cli.common.webs import tls_of
from autopyfactory.cli.common.wiring import Endpoints, built
from autopyfactory.config import Config
from autopyfactory.control.boundary import ask
from autopyfactory.control.credential_ends import CredentialEnds
from autopyfactory.notify import expiring

EXAMPLES = (
    "apf check",
    "apf check --config /etc/autopyfactory --timeout 10",
    "apf check --json | jq '.endpoints[] | select(.ok | not)'",
)
EXITS = {EXIT_FAILURE: "the configuration is good, but an endpoint or the store does not answer"}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying one endpoint."""

    name: str
    plugin: str
    ok: bool
    seconds: float
    detail: str
    """What it answered, or why it failed."""


def check(
    config: ConfigOption = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="An endpoint that takes longer has failed.")
    ] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Validate the configuration, then try the store, every endpoint and the web's certificate once.

    Nothing is submitted and nothing is changed.  All endpoints are tried at once, each with the given
    limit of time or its own, whichever is shorter.  Credentials near or past their end are told as well;
    it is no failure, as long as the endpoints answer.  No message is sent to operators: apf notify test
    tries that.
    """
    clock = SystemClock()
    loaded = load_config(config)
    with err().status(f"trying {plural(len(loaded.wms) + len(loaded.batch), 'endpoint')} …"):
        tried, ends = asyncio.run(_try_all(loaded, clock, timeout))
    ok = all(item.ok for item in tried)
    if as_json:
        credentials = [{"name": name, "ends_at": end} for name, end in sorted(ends.items())]
        print_json(
            {
                "ok": ok,
                "files": loaded.files,
                "queues": len(loaded.queues),
                "endpoints": tried,
                "credentials": credentials,
            }
        )
    else:
        _show(loaded, tried)
        for notice in expiring(ends, clock.now(), loaded.notices):
            say(notice.text, style="yellow", in_one_line=True)
    if not ok:
        raise typer.Exit(EXIT_FAILURE)


async def _try_all(
    config: Config, clock: Clock, timeout_s: float
) -> tuple[list[Tried], Mapping[str, datetime]]:
    """Return what came of it, and when credentials end, by their names."""
    async with built(config, clock) as endpoints:
        store = _try("store", "", lambda: asyncio.to_thread(probe, config))
        ends = CredentialEnds(lambda: config.web, lambda: endpoints.systems)
        return await asyncio.gather(
            asyncio.gather(store, *_web(config), *_trials(config, endpoints, timeout_s)), ends.known()
        )


def _web(config: Config) -> list[Awaitable[Tried]]:
    tls = tls_of(config.web)
    if tls is None:
        return []

    async def checked() -> str:
        await asyncio.to_thread(tls.check)
        return "certificate and key belong together"

    return [_try("web", "", checked)]


def _trials(config: Config, endpoints: Endpoints, timeout_s: float) -> list[Awaitable[Tried]]:
    trials: list[Awaitable[Tried]] = []
    for name, wms in config.wms.items():
        limit_s = min(timeout_s, wms.common.timeout_s)
        asked = _ask_wms(config, name, endpoints.wms[name], limit_s)
        trials.append(_try(f"wms.{name}", wms.common.plugin, asked))
    for name, batch in config.batch.items():
        limit_s = min(timeout_s, batch.common.timeout_s)
        asked = _ask_batch(name, endpoints.batch[name], limit_s)
        trials.append(_try(f"batch.{name}", batch.common.plugin, asked))
    return trials


def _ask_wms(config: Config, name: str, wms: WmsStatus, limit_s: float) -> Callable[[], Awaitable[str]]:
    async def asked() -> str:
        counts = await ask(f"wms.{name}", wms.counts(), limit_s, WmsUnavailable)
        await ask(f"wms.{name}", wms.site_status(), limit_s, WmsUnavailable)
        served = {queue.wms_queue for queue in config.queues.values() if queue.settings.wms == name}
        mentioned = served & counts.keys()
        ready = [counts[queue].ready for queue in mentioned]
        known = UNKNOWN if None in ready else sum(n for n in ready if n is not None)
        found = plural(len(counts), "queue")
        return f"{found}, {len(mentioned)} of our {len(served)}; {known} jobs ready in those"

    return asked


def _ask_batch(name: str, batch: BatchSystem, limit_s: float) -> Callable[[], Awaitable[str]]:
    async def asked() -> str:
        live = await ask(f"batch.{name}", batch.status(), limit_s, BatchUnavailable)
        return f"{plural(len(live), 'live pilot')} of ours"

    return asked


async def _try(name: str, plugin: str, trial: Callable[[], Awaitable[str]]) -> Tried:
    started = time.monotonic()
    try:
        ok, detail = True, await trial()
    except AutoPyFactoryError as error:
        ok, detail = False, str(error)
    return Tried(name, plugin, ok, round(time.monotonic() - started, 3), detail)


def _show(config: Config, tried: list[Tried]) -> None:
    say(
        f"{plural(len(config.queues), 'queue')}, {plural(len(config.files), 'file')}: no problem found",
        style="green",
    )
    out().print(
        table(
            [Column("endpoint"), Column("plugin"), Column("result"), number("seconds"), Column("answer")],
            [
                (item.name, item.plugin, "ok" if item.ok else "FAILED", f"{item.seconds:.2f}", item.detail)
                for item in tried
            ],
        )
    )
