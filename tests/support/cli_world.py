"""A configuration, a store filled by hand, and the command line on top of them."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from autopyfactory.api import Store
from autopyfactory.cli.app import app
from autopyfactory.model import (
    BatchId,
    CycleRecord,
    Decision,
    EndCause,
    EndpointHealth,
    FactoryId,
    InputAge,
    JobCounts,
    PilotCounts,
    PilotId,
    PilotIds,
    PilotState,
    QueueName,
    QueueState,
    SiteStatus,
    Transition,
    log_folder,
)
from autopyfactory.store import open_store

CONFIG = """
[factory]
id = "unit"

[wms.board]
plugin = "board"
url = "http://127.0.0.1:9"

[batch.local]
plugin = "local"

[profiles.all]
wms = "board"
batch = "local"
sched = ["ready", {max_pending = {maximum = 25}}]

[queues.alpha]
extends = "all"
wms_queue = "ALPHA"

[queues.blind]
extends = "all"
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a call of ``apf`` printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


def apf(*arguments: str | Path, env: Mapping[str, str] | None = None, width: int = 120) -> Ran:
    """Call ``apf`` in this process; an error that it does not turn into a message is raised."""
    surroundings = {"COLUMNS": str(width), "TERMINAL_WIDTH": str(width), "NO_COLOR": "1", "APF_CONFIG": None}
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        result = CliRunner().invoke(app, [str(a) for a in arguments], env={**surroundings, **(env or {})})
    finally:
        # a verb may have set up logging to a stream that ends with it
        root.handlers[:] = handlers
        root.setLevel(level)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True, slots=True)
class World:
    """A folder with ``apf.toml``, whose store knows two queues and four pilots of ``alpha``."""

    folder: Path
    now: datetime
    running: PilotId
    waiting: PilotId
    empty: PilotId
    failed: PilotId

    @property
    def config(self) -> Path:
        return self.folder / "apf.toml"

    def apf(self, verb: str, *arguments: str | Path, width: int = 120) -> Ran:
        """Call a verb on this configuration."""
        return apf(verb, *arguments, "--config", self.config, width=width)

    def write_log(self, pilot: PilotId, suffix: str, text: str) -> Path:
        """Write what a pilot is to have printed."""
        folder = self.folder / "logs" / log_folder(self.now - timedelta(minutes=10), QueueName("alpha"))
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{batch_id(pilot)}.{suffix}"
        file.write_text(text)
        return file


def batch_id(pilot: PilotId) -> BatchId:
    return BatchId(f"b.{pilot[-4:]}")


def write_config(folder: Path, text: str = CONFIG) -> Path:
    """Write ``apf.toml``."""
    file = folder / "apf.toml"
    file.write_text(text)
    return file


def make_world(folder: Path) -> World:
    """Write the configuration and fill the store: all of it ten minutes ago, the last cycle three."""
    write_config(folder)
    now = datetime.now(UTC)
    ids = PilotIds(lambda bits: 7).make(now - timedelta(minutes=10), 4)
    world = World(folder, now, *ids)
    asyncio.run(_fill(world))
    return world


async def _fill(world: World) -> None:
    store = await open_store(f"sqlite:///{world.folder / 'apf.db'}", FactoryId("unit"))
    try:
        await _fill_alpha(store, world)
        await store.plan(_blind_cycle(world.now - timedelta(minutes=3)), [], "local")
        await store.save_health(
            [
                EndpointHealth("batch.local", ok_at=world.now - timedelta(seconds=125)),
                EndpointHealth(
                    "wms.board",
                    ok_at=world.now - timedelta(hours=2, minutes=5),
                    error="connection refused",
                    error_at=world.now - timedelta(seconds=65),
                    failures=3,
                    retry_at=world.now + timedelta(minutes=90),
                ),
            ]
        )
    finally:
        await store.close()


async def _fill_alpha(store: Store, world: World) -> None:
    planned_at = world.now - timedelta(minutes=10)
    pilots = [world.running, world.waiting, world.empty, world.failed]
    await store.plan(_alpha_cycle(planned_at, 100, 10, planned=4), pilots, "local")
    changes = [
        Transition(pilot, planned_at + timedelta(seconds=1), PilotState.PENDING, batch_id=batch_id(pilot))
        for pilot in pilots
    ]
    started = planned_at + timedelta(seconds=30)
    changes += [
        Transition(pilot, started, PilotState.RUNNING, host="node[7]", started_at=started)
        for pilot in pilots
        if pilot != world.waiting
    ]
    ended = started + timedelta(seconds=90)
    changes += [
        Transition(
            world.empty, ended, PilotState.DONE, "no work", cause=EndCause.EXIT, exit_code=80, empty=True,
            started_at=started, ended_at=ended, wall_s=90,
        ),
        Transition(
            world.failed, ended, PilotState.FAILED, "killed", cause=EndCause.SIGNAL, signal=9, empty=False,
            started_at=started, ended_at=ended, wall_s=90,
        ),
    ]  # fmt: skip
    await store.record(changes)
    await store.plan(
        _alpha_cycle(world.now - timedelta(minutes=3, seconds=20), 40, 1, planned=0), [], "local"
    )


def _alpha_cycle(at: datetime, ready: int, waiting: int, *, planned: int) -> CycleRecord:
    decision = Decision(rule="ready").then(ready - waiting, f"{ready} jobs are ready", activated=ready)
    decision = Decision(decision.submit, 0, decision.reasons, "max_pending").then(
        planned, f"{waiting} of 25 already wait", maxpending=25
    )
    return CycleRecord(
        state=QueueState(
            QueueName("alpha"),
            at,
            jobs=JobCounts(1, ready, 8, 0, 0),
            pilots=PilotCounts(pending=waiting, running=1),
            site_status=SiteStatus.ONLINE,
            factory_total=waiting + 1,
        ),
        inputs=(InputAge("wms.board", 12.5), InputAge("batch.local", 3.0)),
        decision=decision,
        planned=planned,
    )


def _blind_cycle(at: datetime) -> CycleRecord:
    return CycleRecord(
        state=QueueState(QueueName("blind"), at),
        inputs=(
            InputAge("wms.board", 7200.0, "connection refused"),
            InputAge("batch.local", None, "no answer yet"),
        ),
        decision=Decision(rule="batch status").block("the batch system gives no number of pilots"),
    )
