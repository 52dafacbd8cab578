"""The web beside a factory, or alone: its stores, its key, and what pilots are told of it."""

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autopyfactory.api import Clock
from autopyfactory.cli.common.failure import Failure
from autopyfactory.config import Config, WebSettings

if TYPE_CHECKING:
    from autopyfactory.serving import Tls
    from autopyfactory.web import Timings

logger = logging.getLogger(__name__)

KEY_FILE = "report.key"
_KEY_BYTES = 32


def report_key(state_dir: Path) -> bytes:
    """Return what pilots' tokens are signed with; made on first use, for the factory's user alone.

    Raises `Failure`.  Two processes that make it at once agree on one.
    """
    file = state_dir / KEY_FILE
    try:
        if not file.exists():
            _make_key(file)
        key = file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be made or read: {error.strerror}; it signs pilots' tokens") from error
    if len(key) < _KEY_BYTES:
        raise Failure(f"{file} is cut short; remove it, and pilots that live report no more")
    return key


def with_reports(config: Config) -> Config:
    """Return the configuration with pilots told where to report, if ``[web] url`` says where."""
    if not config.web.url:
        return config
    url, key = config.web.url.rstrip("/"), report_key(config.factory.state_dir)
    told = {
        name: replace(queue, spec=replace(queue.spec, report_url=url, report_key=key))
        for name, queue in config.queues.items()
    }
    return replace(config, queues=told)


def timings_for(config: Config) -> "Timings | None":
    """Return what a factory's times are told to; None where no web shows them."""
    if not config.web.enabled:
        return None
    from autopyfactory.web import Timings

    return Timings()


def tls_of(settings: WebSettings) -> "Tls | None":
    """Return the files of the web's certificate and key; None where it is served without TLS."""
    from autopyfactory.serving import Tls

    certificate, key = settings.tls_certificate, settings.tls_key
    return Tls(certificate, key) if certificate and key else None


@asynccontextmanager
async def serving_web(
    config_in_force: Callable[[], Config], clock: Clock, timings: "Timings | None" = None
) -> AsyncIterator[str]:
    """Serve the web meanwhile; gives its URL.  ``timings`` tell how a factory in this process fares.

    Raises `AutoPyFactoryError` and `Failure` before anything is served.  A web that breaks later is logged,
    and whatever runs beside it goes on.
    """
    # here, since they cost half a second that "apf --help" need not wait for
    from autopyfactory.serving import serve
    from autopyfactory.store import open_store
    from autopyfactory.web import Timings, WebContext, create_app

    config = config_in_force()
    settings, url = config.web, config.factory.store.get_secret_value()
    key = report_key(config.factory.state_dir)
    timings = timings or Timings()
    timed = timings.store("web")
    writing = await open_store(url, config.factory_id, create=False, timed=timed)
    try:
        reading = await open_store(url, None, create=False, timed=timed)
        try:
            app = create_app(WebContext(config_in_force, reading, writing, clock, key, timings))
            tls = tls_of(settings)
            stop = asyncio.Event()
            answering = asyncio.Event()
            told: list[str] = []

            def ready(url: str) -> None:
                told.append(url)
                answering.set()

            serving = asyncio.create_task(
                serve(app, settings.host, settings.port, ready, stop, name="web", tls=tls)
            )
            waiting = asyncio.create_task(answering.wait())
            await asyncio.wait([waiting, serving], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                await serving  # tells why
            try:
                yield told[0]
            finally:
                stop.set()
                await _ended(serving)
        finally:
            await reading.close()
    finally:
        await writing.close()


@asynccontextmanager
async def web_beside(
    config_in_force: Callable[[], Config], clock: Clock, timings: "Timings | None"
) -> AsyncIterator[None]:
    """Serve the web meanwhile, if the configuration wants it."""
    if not config_in_force().web.enabled:
        yield
        return
    async with serving_web(config_in_force, clock, timings) as url:
        logger.info("the web answers at %s", url, extra={"action": "web"})
        yield


@asynccontextmanager
async def logs_kept(config_in_force: Callable[[], Config], clock: Clock) -> AsyncIterator[None]:
    """Keep pilots' logs within their bounds meanwhile."""
    from autopyfactory.control.log_keeping import keep_logs

    keeping = asyncio.create_task(keep_logs(lambda: config_in_force().factory, clock), name="logs")
    try:
        yield
    finally:
        keeping.cancel()


async def _ended(serving: "asyncio.Task[None]") -> None:
    try:
        await serving
    except Exception:
        logger.exception("the web broke", extra={"action": "web"})


def _make_key(file: Path) -> None:
    """Write the key under another name and link it into place: it is there as a whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{KEY_FILE}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):  # another process was faster
            os.link(beside, file)
    finally:
        os.close(descriptor)
        beside.unlink()
