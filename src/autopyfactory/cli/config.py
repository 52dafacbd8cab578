"""``apf config``: the configuration as it comes out, and what differs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from autopyfactory.cli.common.beside import Beside
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.lock import lock_file, running_factory
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import print_json, say
from autopyfactory.config import Config, Diff, Snapshot, diff, diff_snapshots
from autopyfactory.config import show as effective

ABOUT = "Show the configuration as it comes out, and what differs."
SHOW_EXAMPLES = ("apf config show", "apf config show --json | jq '.queues.AGLT2_MCORE.sched'")
DIFF_EXAMPLES = (
    "apf config diff",
    "apf config diff /etc/autopyfactory.new",
    "apf config diff --json | jq .needs_restart",
)


def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the effective configuration: defaults, profiles and placeholders filled in, secrets masked."""
    import tomlkit

    document = effective(load_config(config))
    if as_json:
        print_json(document)
    else:
        typer.echo(tomlkit.dumps(_without_none(document)), nl=False)


def diff_(
    other: Annotated[
        list[Path] | None,
        typer.Argument(metavar="OTHER", help="Compare the configuration with this one.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what "apf reload" would change: the files on disk against what the running factory uses.

    With OTHER: what that configuration changes of the one that --config names.  "+" and "-" are sections that
    come and go, "~" are settings that change; secrets are told apart, and not shown.  What cannot change
    while the factory runs is said in the end.
    """
    loaded = load_config(config)
    found = diff(loaded, load_config(other)) if other else _against_running(loaded)
    if as_json:
        print_json(found.document())
    else:
        _tell(found)


def _against_running(config: Config) -> Diff:
    lock = lock_file(config)
    factory = running_factory(lock)
    used = Beside(lock).effective(factory.pid) if factory else None
    if used is None:
        raise Failure(
            f"no factory runs here that tells what it uses (lock {lock}): "
            'start one with "apf run", or name a second configuration to compare with'
        )
    return diff_snapshots(used, Snapshot.of(config, used.key))


def _tell(found: Diff) -> None:
    for line in found.lines():
        say(line, in_one_line=True)
    if found.needs_restart:
        say(f"needs a restart: {', '.join(found.needs_restart)}", style="yellow", in_one_line=True)
    elif not found:
        say("nothing differs")


def _without_none(value: Any) -> Any:
    """Return a document less what is left out in it: TOML has no word for that."""
    match value:
        case Mapping():
            return {key: _without_none(item) for key, item in value.items() if item is not None}
        case list():
            return [_without_none(item) for item in value]
        case _:
            return value
