"""``apf hosts``: the nodes, black holes on top."""

from datetime import timedelta
from typing import Annotated

import typer

from autopyfactory.api import HostFates, NoticeThresholds, SystemClock
from autopyfactory.cli.common.ages import ago
from autopyfactory.cli.common.configuration import load_config, queue_named
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Column, number, out, print_json, say, table
from autopyfactory.cli.common.stores import with_store

EXAMPLES = (
    "apf hosts",
    "apf hosts --queue AGLT2_MCORE --hours 6",
    "apf hosts --json | jq -r '.hosts[] | select(.black_hole) | .host'",
)


def hosts(
    config: ConfigOption = None,
    queue: Annotated[
        str | None, typer.Option("--queue", "-q", help="Only pilots of this factory queue.")
    ] = None,
    hours: Annotated[
        float, typer.Option(min=0, max=100_000, metavar="HOURS", help="How far back endings are counted.")
    ] = 24,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many hosts.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the hosts on which pilots ended, those where most fail first: black holes are on top.

    They come by the share that failed, as if five more pilots had ended well, so that one failure of one
    does not come first.  "fast" counts those that failed within "[notices] hole_wall_s"; a host where at
    least "hole_share" of "hole_pilots" or more did so is a black hole.
    """
    loaded = load_config(config)
    name = queue_named(loaded, queue).name if queue else None
    limits, now = loaded.notices, SystemClock().now()
    since = now - timedelta(hours=hours)
    found = with_store(loaded, lambda store: store.host_fates(since, limits.hole_wall_s, name, limit))
    if as_json:
        print_json({"since": since, "hosts": [_document(host, limits) for host in found]})
        return
    out().print(
        table(
            [
                Column("host"),
                Column("queues"),
                *(number(title) for title in ("ended", "failed", "fast", "empty")),
                Column("last", whole=True),
                Column(""),
            ],
            [
                (
                    host.host,
                    " … ".join(host.queues),
                    host.fates.ended,
                    host.fates.failed,
                    host.fast,
                    host.fates.empty,
                    ago(host.last_at, now),
                    "black hole" if host.is_black_hole(limits) else "",
                )
                for host in found
            ],
            title=f"Hosts, endings of the last {hours:g} h",
        )
    )
    if len(found) == limit:
        say(f"the first {limit}; raise --limit for more", style="dim")


def _document(host: HostFates, limits: NoticeThresholds) -> dict[str, object]:
    return {
        "host": host.host,
        "queues": host.queues,
        "ended": host.fates.ended,
        "failed": host.fates.failed,
        "fast": host.fast,
        "empty": host.fates.empty,
        "last_at": host.last_at,
        "black_hole": host.is_black_hole(limits),
    }
