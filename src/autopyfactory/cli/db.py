"""``apf db``: look after the store."""

import asyncio
from datetime import timedelta
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.lock import lock_file, only_factory
from autopyfactory.cli.common.manual import EXIT_FAILURE
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import err, print_json, say
from autopyfactory.config import Config

ABOUT = "Look after the store: its schema, its size, and the way to another database."
VERSION_EXAMPLES = ("apf db version", "apf db version --json")
VERSION_EXITS = {EXIT_FAILURE: "the store is missing, unusable, or needs apf db upgrade"}
UPGRADE_EXAMPLES = ("apf db upgrade", "apf db upgrade --config /etc/autopyfactory")
COPY_EXAMPLES = (
    "apf db copy postgresql://apf@db.example.org/apf",
    "apf db copy sqlite:////backup/factory.db",
    "APF_DB_TARGET=postgresql://apf:secret@db.example.org/apf apf db copy",
)
PRUNE_EXAMPLES = ("apf db prune", "apf db prune --pilots-days 7 --cycles-days 1")


def version(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell the schema of the store, and the one that this version works with."""
    from autopyfactory.store import head, schema_version

    loaded = load_config(config)
    found = schema_version(_url(loaded))
    wanted = head()
    if as_json:
        print_json({"schema": found, "wanted": wanted, "ok": found == wanted})
    else:
        say(f"schema {found or 'none: the database is empty'}; this version works with {wanted}")
    if found != wanted:
        raise typer.Exit(EXIT_FAILURE)


def upgrade(config: ConfigOption = None) -> None:
    """Migrate the store to the schema that this version works with.

    Stop the factory first, and make a backup.  Where a step fails the store is as it was before.
    """
    from autopyfactory.store import head
    from autopyfactory.store import upgrade as upgrade_store

    loaded = load_config(config)
    with only_factory(lock_file(loaded)), err().status("upgrading …"):
        changed = upgrade_store(_url(loaded), loaded.factory_id)
    say(f"upgraded to schema {head()}" if changed else f"nothing to do: schema {head()} already")


def copy(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", envvar="APF_DB_TARGET", help="URL of an empty database; SQLite files are made."
        ),
    ],
    config: ConfigOption = None,
) -> None:
    """Copy the whole store into another database, for example from SQLite to PostgreSQL.

    The target must be empty.  All of it arrives or nothing, and the rows are counted in the end.  Stop the
    factory first; afterwards let "[factory] store" name the target.
    """
    from autopyfactory.store import copy as copy_store

    loaded = load_config(config)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err(),
    )
    tasks: dict[str, TaskID] = {}

    def progress(table: str, done: int, total: int) -> None:
        if table not in tasks:
            tasks[table] = bars.add_task(table)
        bars.update(tasks[table], completed=done, total=total)

    bars.disable = not err().is_terminal
    with only_factory(lock_file(loaded)), bars:
        copy_store(_url(loaded), target, progress, loaded.factory_id)
    say(f"copied {len(tasks)} tables")


def prune(
    config: ConfigOption = None,
    pilots_days: Annotated[
        float | None,
        typer.Option(
            min=0, help="Forget pilots that ended earlier; left out: as configured.", show_default=False
        ),
    ] = None,
    cycles_days: Annotated[
        float | None,
        typer.Option(
            min=0, help="Forget cycles that are older; left out: as configured.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Forget ended pilots and old cycles now, and give the space back.

    A running factory does this by itself, by "[factory] keep_pilots_days" and "keep_cycles_days".  Live
    pilots, and the newest cycle of each queue, are always kept.
    """
    loaded = load_config(config)
    keep_pilots = loaded.factory.keep_pilots_days if pilots_days is None else pilots_days
    keep_cycles = loaded.factory.keep_cycles_days if cycles_days is None else cycles_days
    with err().status("pruning …"):
        rows = asyncio.run(_prune(loaded, timedelta(days=keep_pilots), timedelta(days=keep_cycles)))
    if as_json:
        print_json({"rows": rows})
    else:
        say(f"forgot {rows} rows")


async def _prune(config: Config, keep_pilots: timedelta, keep_cycles: timedelta) -> int:
    from autopyfactory.store import open_store

    now = SystemClock().now()
    store = await open_store(_url(config), config.factory_id, create=False)
    try:
        return await store.prune(now - keep_pilots, now - keep_cycles)
    finally:
        await store.close()


def _url(config: Config) -> str:
    return config.factory.store.get_secret_value()
