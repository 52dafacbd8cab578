"""Has a running factory go over to the configuration on disk, when asked to or as soon as that changes."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autopyfactory.api import AutoPyFactoryError, Clock, ConfigError
from autopyfactory.cli.common.beside import Beside, Reload
from autopyfactory.cli.common.config_files import Look, look
from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.output import plural
from autopyfactory.cli.common.wiring import Endpoints, build, build_notifiers, lay_out_wrapper
from autopyfactory.config import Config, Diff, diff

if TYPE_CHECKING:
    from autopyfactory.control import Factory

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_LINES_LOGGED = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration was read."""

    paths: Sequence[Path]
    seen: Look
    """How these files looked just before."""
    read: Callable[[], Config]
    """Reads them once more, into what the factory works with; raises `ConfigError`."""


class Reloader:
    """Goes over to the configuration on disk, once for each time that ``asked`` is set.

    One reload comes after the other; all that ask while one is under way are served by one more.
    """

    def __init__(
        self,
        config: Config,
        source: Source,
        factory: "Factory",
        endpoints: Endpoints,
        beside: Beside,
        clock: Clock,
        asked: asyncio.Event,
    ) -> None:
        """Take the factory as it is built: with this configuration, from ``source``, on these endpoints."""
        self._config = config
        self._source = source
        self._seen = self._looked = source.seen
        self._factory = factory
        self._endpoints = endpoints
        self._beside = beside
        self._clock = clock
        self._asked = asked

    def config_in_force(self) -> Config:
        """Return the configuration that the factory works with now."""
        return self._config

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reload meanwhile; `Beside` tells that this factory does."""
        with _tolerating():
            self._beside.clear()
            self._beside.keep_effective(self._config, os.getpid())
        task = asyncio.create_task(self._run(), name="reloads")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with _tolerating():
                self._beside.clear()

    async def _run(self) -> None:
        while True:
            await self.reload(await self._cause())

    async def _cause(self) -> str:
        """Wait until a reload is due, and return why it is."""
        watching = self._config.factory.reload == "watch"
        while not self._asked.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S if watching else None):
                    await self._asked.wait()
                    break
            if self._files_changed():
                return "changed files"
        self._asked.clear()
        return "SIGHUP"

    def _files_changed(self) -> bool:
        """Whether they differ from what was read, and nobody is writing them just now."""
        now = look(self._source.paths)
        settled, self._looked = now == self._looked, now
        return settled and now != self._seen

    async def reload(self, cause: str) -> Reload:
        """Go over to the configuration on disk, or change nothing; log and keep which it was."""
        started_at = self._clock.now()
        self._seen = look(self._source.paths)
        attempt = _Attempt()
        try:
            await self._go_over(attempt)
        except ConfigError as error:
            attempt.problems += [str(problem) for problem in error.problems]
        except (AutoPyFactoryError, Failure) as error:
            attempt.problems.append(str(error))
        except Exception as error:
            # whatever a plugin does while it is built, the factory goes on with those that it has
            logger.exception("a reload failed unexpectedly", extra={"action": "reload"})
            attempt.problems.append(f"{type(error).__name__}: {error}")
        reload = Reload(
            pid=os.getpid(),
            started_at=started_at,
            ended_at=self._clock.now(),
            cause=cause,
            changes=tuple(attempt.diff.lines()),
            problems=tuple(attempt.problems),
        )
        _log(reload)
        with _tolerating():
            if reload.ok:
                self._beside.keep_effective(self._config, reload.pid)
            self._beside.keep_reload(reload)
        return reload

    async def _go_over(self, attempt: "_Attempt") -> None:
        # in a thread: a thousand queues take a second, in which pilots report and polls return
        config = await asyncio.to_thread(self._source.read)
        attempt.diff = diff(self._config, config)
        if attempt.diff.needs_restart:
            keys = ", ".join(attempt.diff.needs_restart)
            attempt.problems.append(f"{keys} cannot change while the factory runs: restart it, or undo that")
            return
        lay_out_wrapper(config)
        new = build(config, self._clock, self._factory.endpoints_to_build(config))
        taken = False
        try:
            notifiers = build_notifiers(config, self._clock, self._factory.notifiers_to_build(config))
            taken = await self._factory.reconfigure(config, new.wms, new.batch, notifiers)
        finally:
            if not taken:
                await new.close()
        if taken:
            self._endpoints.take_over(new, self._factory.endpoints)
            self._config = config
        else:
            attempt.problems.append("the factory is about to stop")


@dataclass(slots=True)
class _Attempt:
    diff: Diff = field(default_factory=Diff)
    problems: list[str] = field(default_factory=list)


@contextmanager
def on_hangup(asked: asyncio.Event) -> Iterator[None]:
    """Set an event at each SIGHUP, which else would end the process."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@contextmanager
def _tolerating() -> Iterator[None]:
    """Log what the disk does not take: the factory does not need it, only those who ask about it do."""
    try:
        yield
    except OSError as error:
        logger.warning("the files beside the lock cannot be written: %s", error, extra={"action": "reload"})


def _log(reload: Reload) -> None:
    fields = {"action": "reload", "cause": reload.cause}
    if not reload.ok:
        logger.error(
            "not reloaded, the factory goes on as before: %s", "; ".join(reload.problems), extra=fields
        )
        return
    changes = plural(len(reload.changes), "change") if reload.changes else "nothing differs"
    logger.info("reloaded: %s", changes, extra=fields)
    for line in reload.changes[:_LINES_LOGGED]:
        logger.info("%s", line, extra=fields)
    if len(reload.changes) > _LINES_LOGGED:
        logger.info("and %d more", len(reload.changes) - _LINES_LOGGED, extra=fields)
