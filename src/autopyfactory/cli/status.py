"""``apf status``: what is going on."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from autopyfactory.api import StoreUnavailable, SystemClock
from autopyfactory.cli.common.ages import ago, seconds_since
from autopyfactory.cli.common.beside import Beside, Reload
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.lock import RunningFactory, lock_file, running_factory
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Column, jsonable, number, out, plural, print_json, table
from autopyfactory.cli.common.overview import Overview, QueueView, overview
from autopyfactory.cli.common.stores import with_store
from autopyfactory.config import Config
from autopyfactory.model import EndpointHealth, PilotCounts

EXAMPLES = (
    "apf status",
    "apf status --watch --every 5",
    "apf status --json | jq '.queues[] | select(.jobs.ready == null)'",
)


def status(
    config: ConfigOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="How often, with --watch.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """Show the factory, its endpoints and its queues.

    Endpoints: the age of the last good answer, the last error, and when the next try is due.  Queues: the
    numbers of the last cycle, live pilots by state, the last decision and its reason.  A number that is not
    known is shown as "?" with the reason, never as 0.  Pilots that are held are counted by reason.  Notices:
    what was wrong when the factory last looked, and which "[notify.NAME]" cannot tell of it.

    A queue ("queue.NAME"), the submissions to a batch system ("batch.NAME.submit") and its history
    ("batch.NAME.history") are among the endpoints while they fail.  Where the last reload was refused, it is
    said why.

    All of it is read from the store, so it works from anywhere that reaches the store, and also when no
    factory runs.
    """
    if watch and as_json:
        raise UsageProblem("--watch and --json exclude each other: a document has an end")
    loaded = load_config(config)
    if as_json:
        print_json(_document(loaded))
    elif watch:
        _watch(loaded, every)
    else:
        out().print(_page(loaded))


def _watch(config: Config, every_s: float) -> None:
    with Live(_page(config), console=out(), screen=out().is_terminal, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(every_s)
                live.update(_page_or_error(config), refresh=True)
        except KeyboardInterrupt:
            return


def _read(config: Config) -> tuple[Overview, datetime]:
    """Return what the store says; where it says nothing, the error tells what the factory itself says."""
    try:
        return with_store(config, lambda store: overview(store, config)), SystemClock().now()
    except StoreUnavailable as error:
        factory = running_factory(lock_file(config))
        if factory is None or not factory.store_trouble:
            raise
        raise StoreUnavailable(
            f"the factory (process {factory.pid or 'unknown'}) submits nothing, its store does not serve: "
            f"{factory.store_trouble}.  Now nobody can read it either: {error}"
        ) from error


def _page(config: Config) -> RenderableType:
    view, now = _read(config)
    parts = [_headline(config, view, now), *_notices(view, now), _endpoints(view, now), _queues(view, now)]
    if config.factory.shared:
        parts.append(_owners(view))
    return Group(*parts, _held(view, now)) if view.held else Group(*parts)


def _page_or_error(config: Config) -> RenderableType:
    """Return the page; where the store does not answer, why: it may come back while we watch."""
    try:
        return _page(config)
    except StoreUnavailable as error:
        return Text(str(error), style="red")


def _headline(config: Config, view: Overview, now: datetime) -> Text:
    factory = running_factory(lock_file(config))
    running = Text("not running here", style="yellow")
    if factory:
        running = Text(f"running (process {factory.pid or 'unknown'})", style="green")
    last = ago(view.last_cycle_at, now)
    line = Text.assemble("factory ", (config.factory.id, "bold"), "  ", running, f"  last cycle {last}")
    if factory and factory.store_trouble:
        line.append(f"\nnothing is submitted, nothing newer is stored: {factory.store_trouble}", style="red")
    reload = _last_reload(config, factory)
    if reload and not reload.ok:
        first, *others = reload.problems
        more = f" (and {plural(len(others), 'further problem')})" if others else ""
        line.append(f"\nnot reloaded {ago(reload.ended_at, now)}: {first}{more}", style="red")
    return line


def _last_reload(config: Config, factory: RunningFactory | None) -> Reload | None:
    return Beside(lock_file(config)).last_reload(factory.pid) if factory else None


def _notices(view: Overview, now: datetime) -> list[RenderableType]:
    look = view.look
    told = [Text(channel.trouble, style="red") for channel in look.channels.values() if channel.trouble]
    if not look.notices:
        return [*told]
    shown = table(
        [Column("notice", whole=True), Column("since", whole=True), Column("what is wrong", least=30)],
        [(notice.kind, ago(notice.since, now), notice.text) for notice in look.notices],
        title=f"Notices, as seen {ago(look.at, now)}",
    )
    return [shown, *told]


def _endpoints(view: Overview, now: datetime) -> RenderableType:
    return table(
        [Column("endpoint"), Column("state"), Column("last good answer", whole=True), number("failures"),
         Column("next try", whole=True), Column("last error", least=20)],
        [
            (
                item.name,
                _state(item),
                ago(item.ok_at, now),
                item.failures,
                ago(item.retry_at, now) if item.retry_at else "",
                f"{item.error} ({ago(item.error_at, now)})" if item.error else "",
            )
            for item in view.endpoints
        ],
        title="Endpoints",
    )  # fmt: skip


def _held(view: Overview, now: datetime) -> RenderableType:
    return table(
        [Column("queue", least=6), number("pilots"), Column("since", whole=True), number("releases"),
         Column("reason", least=20)],
        [
            (group.queue, group.pilots, ago(group.since, now), group.releases, group.reason)
            for group in view.held
        ],
        title="Held, by reason",
    )  # fmt: skip


def _owners(view: Overview) -> RenderableType:
    owners: dict[str, list[str]] = {}
    for queue in view.queues:
        owners.setdefault(queue.owner or "nobody", []).append(queue.name)
    return table(
        [Column("owner", least=20), number("queues"), Column("which", least=20)],
        [(owner, len(names), ", ".join(names)) for owner, names in sorted(owners.items())],
        title="Owners",
    )


def _queues(view: Overview, now: datetime) -> RenderableType:
    """Return the queues; where the terminal is narrow, the reasons come in a table of their own."""
    rare = [(title, count) for title, count in _RARE if any(_number(q, count) for q in view.queues)]
    columns = [*_BEFORE, *(number(title) for title, _ in rare), *_AFTER]
    rows = [
        (
            queue.name,
            queue.site_status if queue.enabled else "disabled",
            queue.jobs.ready,
            queue.jobs.running,
            _number(queue, lambda pilots: pilots.planned + pilots.pending),
            _number(queue, lambda pilots: pilots.running),
            *(_number(queue, count) for _, count in rare),
            _signed(queue),
            queue.planned,
            ago(queue.decided_at, now),
        )
        for queue in view.queues
    ]
    why = [_why(queue) for queue in view.queues]
    if out().width >= _WIDE:
        whole = [(*row, reason) for row, reason in zip(rows, why, strict=True)]
        return table([*columns, Column("why")], whole, title="Queues")
    reasons = [(queue.name, reason) for queue, reason in zip(view.queues, why, strict=True)]
    return Group(
        table(columns, rows, title="Queues"),
        table([Column("queue"), Column("why", least=30)], reasons, title="Reasons"),
    )


_WIDE = 140
_BEFORE = [
    Column("queue", least=6),
    Column("site", least=7),
    *(number(title) for title in ("jobs ready", "jobs run", "pilots wait", "pilots run")),
]
_RARE: Sequence[tuple[str, Callable[[PilotCounts], int]]] = (
    ("held", lambda pilots: pilots.held),
    ("unseen", lambda pilots: pilots.unknown),
    ("ending", lambda pilots: pilots.retiring),
)
"""Columns that are shown only where any queue has such pilots."""
_AFTER = [number("submit"), number("sent"), Column("decided", whole=True)]


def _number(queue: QueueView, count: Callable[[PilotCounts], int]) -> int | None:
    return None if queue.pilots is None else count(queue.pilots)


def _state(item: EndpointHealth) -> str:
    if item.error:
        return "failing"
    return "ok" if item.ok_at else "not asked yet"


def _signed(queue: QueueView) -> int | None:
    return None if queue.submit is None or queue.retire is None else queue.submit - queue.retire


def _why(queue: QueueView) -> str:
    return "; ".join(text for text in (queue.unknown, queue.note, queue.reason) if text)


def _document(config: Config) -> dict[str, object]:
    view, now = _read(config)
    factory = running_factory(lock_file(config))
    reload = _last_reload(config, factory)
    return {
        "factory": {
            "id": config.factory.id,
            "pid": factory.pid if factory else None,
            "store_trouble": factory.store_trouble if factory else "",
            "last_cycle_at": view.last_cycle_at,
            "last_cycle_age_s": seconds_since(view.last_cycle_at, now),
            "reload": reload.document() if reload else None,
        },
        "endpoints": [
            {
                "name": item.name,
                "state": _state(item),
                "ok_at": item.ok_at,
                "ok_age_s": seconds_since(item.ok_at, now),
                "error": item.error,
                "error_at": item.error_at,
                "failures": item.failures,
                "retry_at": item.retry_at,
            }
            for item in view.endpoints
        ],
        "queues": [_queue_document(queue, now) for queue in view.queues],
        "held": view.held,
        "notices": {
            "looked_at": view.look.at,
            "active": view.look.notices,
            "trouble": {name: channel.trouble for name, channel in view.look.channels.items()},
        },
    }


def _queue_document(queue: QueueView, now: datetime) -> object:
    fields = jsonable(queue)
    return {**fields, "age_s": seconds_since(queue.decided_at, now)} if isinstance(fields, dict) else fields
