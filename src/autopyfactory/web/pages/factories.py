"""The factory as a whole: its numbers, those who share its store, and those that tell this monitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from importlib.metadata import version

from autopyfactory.model import EndpointHealth, PilotCounts
from autopyfactory.model.monitor import MonitoredFactory
from autopyfactory.web.context import WebContext
from autopyfactory.web.pages.queue_table import Row


@dataclass(frozen=True, slots=True)
class Factories:
    """What the top of the overview shows."""

    version: str
    queues: int
    ready: int | None
    """Jobs, of the queues where the number is known; None: of none it is."""
    live: PilotCounts
    last_cycle_at: datetime | None
    troubled: Sequence[str]
    """Endpoints whose last call failed."""
    owners: Mapping[str, int]
    """Those that share the store, with the number of queues that each one owns; empty where nobody does."""
    others: Sequence[MonitoredFactory]
    """Factories elsewhere that tell this monitor of themselves."""


async def read_factories(
    context: WebContext, health: Mapping[str, EndpointHealth], rows: Sequence[Row]
) -> Factories:
    """Sum up the queues, and read who else there is."""
    store, config = context.reading, context.config
    ready = [row.ready for row in rows if row.ready is not None]
    owners: dict[str, int] = {}
    if config.factory.shared:
        for lease in (await store.leases()).values():
            if lease.owner:
                owners[lease.owner] = owners.get(lease.owner, 0) + 1
    others = [each for each in await store.monitored_factories() if each.card.name != config.factory.id]
    return Factories(
        version=version("autopyfactory"),
        queues=len(config.queues),
        ready=sum(ready) if ready else None,
        live=_sum([row.live for row in rows]),
        last_cycle_at=max((row.newest.sample.at for row in rows if row.newest), default=None),
        troubled=sorted(
            name for name, item in health.items() if item.error and not name.startswith("queue.")
        ),
        owners=owners,
        others=others,
    )


def _sum(counts: Sequence[PilotCounts]) -> PilotCounts:
    return PilotCounts(
        **{field.name: sum(getattr(each, field.name) for each in counts) for field in fields(PilotCounts)}
    )
