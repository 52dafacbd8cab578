"""``apf run``: the factory."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.beside import Beside
from autopyfactory.cli.common.config_files import look
from autopyfactory.cli.common.configuration import config_paths, load_config
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.lock import HeldLock, lock_file, only_factory
from autopyfactory.cli.common.logging_setup import LogFormat, LogLevel, set_up_logging
from autopyfactory.cli.common.monitors import told_monitors
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Column, number, out, print_json, table
from autopyfactory.cli.common.reloading import Reloader, Source, on_hangup
from autopyfactory.cli.common.steps import deciding_reason
from autopyfactory.cli.common.stopping import orderly_stop
from autopyfactory.cli.common.tenant import tenant
from autopyfactory.cli.common.webs import logs_kept, timings_for, web_beside, with_reports
from autopyfactory.cli.common.wiring import build_notifiers, built, lay_out_wrapper, wrappers_kept
from autopyfactory.cli.explain import cycle_document
from autopyfactory.config import Config
from autopyfactory.model import CycleRecord, PilotIds

if TYPE_CHECKING:
    from autopyfactory.control import Factory

logger = logging.getLogger(__name__)

_TELL_EVERY_S = 0.5

EXAMPLES = (
    "apf run",
    "apf run --config /etc/autopyfactory --log-format json",
    "apf run --once",
    "apf run --dry-run --json",
)


def run(
    config: ConfigOption = None,
    once: Annotated[bool, typer.Option("--once", help="One cycle of every queue, then end.")] = False,
    cycles: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="N cycles of every queue, then end.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Decide and show, send nothing; one cycle unless --cycles says more."),
    ] = False,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look, on stderr.")] = LogFormat.TEXT,
    as_json: JsonOption = False,
) -> None:
    """Run the factory: observe, decide, submit and watch, until SIGTERM or Ctrl-C.

    The first signal lets submissions that are under way come to their end; pilots live on, and the next
    run finds them again.  A second signal ends the process at once; nothing is lost then either.

    With --once, --cycles or --dry-run it ends by itself, and prints what each queue decided in its last
    cycle, and why.  Only one factory runs on a store: a second one refuses, unless "[factory] shared" lets
    several share its queues among them.

    SIGHUP ("apf reload") has it go over to the configuration on disk without a restart: only queues that
    differ start anew, and pilots of removed ones are watched to their end.  What is wrong there changes
    nothing, and is logged.  With "[factory] reload" = "watch" it does so as soon as a file has changed.
    """
    rounds = _rounds(once=once, cycles=cycles, dry_run=dry_run)
    if rounds is None and as_json:
        raise UsageProblem("--json needs --once, --cycles or --dry-run: a document has an end")
    paths = config_paths(config)
    source = Source(paths, look(paths), read=lambda: with_reports(load_config(paths)))
    loaded = source.read()
    set_up_logging(log_level, log_format)
    with only_factory(lock_file(loaded)) as lock:
        records = asyncio.run(_run(loaded, source, rounds, lock, dry_run=dry_run))
    if rounds is not None:
        _show(records, as_json=as_json)


def _rounds(*, once: bool, cycles: int | None, dry_run: bool) -> int | None:
    if once and cycles is not None:
        raise UsageProblem("--once and --cycles exclude each other")
    return 1 if once or (dry_run and cycles is None) else cycles


async def _run(
    config: Config, source: Source, rounds: int | None, lock: HeldLock, *, dry_run: bool
) -> list[CycleRecord]:
    # here, since they cost half a second that "apf --help" need not wait for
    from autopyfactory.control import Factory
    from autopyfactory.store import open_store

    lay_out_wrapper(config)
    clock = SystemClock()
    asked = asyncio.Event()
    reloader: Reloader | None = None

    def in_force() -> Config:
        return config if reloader is None else reloader.config_in_force()

    async with AsyncExitStack() as stack:
        if rounds is None:
            stack.enter_context(on_hangup(asked))
        timings = timings_for(config)
        store = await open_store(
            config.factory.store.get_secret_value(),
            config.factory_id,
            timed=timings.store("factory") if timings else None,
        )
        stack.push_async_callback(store.close)
        endpoints = await stack.enter_async_context(built(config, clock))
        told = () if dry_run else await stack.enter_async_context(told_monitors(in_force, clock))
        ids = PilotIds(random.SystemRandom().getrandbits)
        factory = Factory(
            config,
            endpoints.wms,
            endpoints.batch,
            store,
            clock,
            ids,
            overrides=store,
            ownership=tenant(config, store),
            listeners=told,
            notices=store,
            notifiers=build_notifiers(config, clock),
            timed=timings.cycles() if timings else nullcontext,
        )
        stack.enter_context(orderly_stop(factory.stop))
        await stack.enter_async_context(_telling(factory, lock))
        if rounds is None:
            beside = Beside(lock_file(config))
            reloader = Reloader(config, source, factory, endpoints, beside, clock, asked)
            await stack.enter_async_context(reloader.running())
            await stack.enter_async_context(web_beside(in_force, clock, timings))
            await stack.enter_async_context(logs_kept(in_force, clock))
            await stack.enter_async_context(wrappers_kept(in_force, store, clock))
        return await factory.run(cycles=rounds, dry_run=dry_run)


@asynccontextmanager
async def _telling(factory: "Factory", lock: HeldLock) -> AsyncIterator[None]:
    """Meanwhile keep told beside the store what ails the store: it cannot hold that itself."""

    async def tell() -> None:
        told = ""
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            if factory.store_trouble != told:
                told = factory.store_trouble
                try:
                    lock.tell(told)
                except OSError as error:
                    logger.warning("the lock's file does not take what ails the store: %s", error)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


def _show(records: list[CycleRecord], *, as_json: bool) -> None:
    now = SystemClock().now()
    if as_json:
        print_json({"queues": [cycle_document(record, now) for record in records]})
        return
    out().print(
        table(
            [Column("queue"), number("ready"), number("wait"), number("run"), number("submit"),
             number("retire"), number("sent"), Column("why")],
            [
                (
                    record.queue,
                    record.state.jobs.ready,
                    None if record.state.pilots is None else record.state.pilots.waiting,
                    None if record.state.pilots is None else record.state.pilots.running,
                    record.decision.submit,
                    record.decision.retire,
                    record.planned,
                    "; ".join(text for text in (record.note, deciding_reason(record.decision)) if text),
                )
                for record in records
            ],
        )
    )  # fmt: skip
