"""Which monitor is told of which queue, also after the configuration has changed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cli_world import CONFIG, write_config

from autopyfactory.api import MonitorContext, Settings, SystemClock
from autopyfactory.cli.common.monitors import told_monitors
from autopyfactory.config import Config, load
from autopyfactory.model import BatchId, CycleRecord, PilotId, QueueName
from autopyfactory.testkit.store import a_cycle, pilot_ids

MONITORS = """
[monitor.one]
plugin = "apf"
url = "http://127.0.0.1:9/api"

[monitor.two]
plugin = "apf"
url = "http://127.0.0.1:9/api"
"""
ALPHA, BLIND, GONE = QueueName("alpha"), QueueName("blind"), QueueName("gone")


class Recorder:
    """Notes what it is told."""

    def __init__(self, settings: Settings, context: MonitorContext) -> None:
        self.labels = [label.name for label in context.labels]
        self.told: list[str] = []
        made.append(self)

    def cycle(self, record: CycleRecord) -> None:
        self.told.append(record.queue)

    def submitted(self, queue: QueueName, pilots: Mapping[PilotId, BatchId]) -> None:
        self.told.append(f"{queue}: {len(pilots)}")

    async def run(self) -> None:
        return None

    async def close(self) -> None:
        return None


made: list[Recorder] = []


def telling(config: Config, alpha: tuple[str, ...] | None) -> Config:
    """Return the configuration with these monitors of alpha."""
    queue = config.queues[ALPHA]
    told = replace(queue, settings=queue.settings.model_copy(update={"monitors": alpha}))
    return replace(config, queues={**config.queues, ALPHA: told})


async def test_each_is_told_of_its_queues(tmp_path: Path) -> None:
    made.clear()
    config = load([write_config(tmp_path, CONFIG + MONITORS)], {})
    targets = {name: replace(target, plugin=Recorder) for name, target in config.monitors.items()}
    in_force = telling(replace(config, monitors=targets), ("two",))
    async with told_monitors(lambda: in_force, SystemClock()) as listeners:
        one, two = made
        assert (one.labels, two.labels) == (["blind"], ["alpha", "blind"])
        for listener in listeners:
            listener.cycle(a_cycle(ALPHA))
            listener.submitted(BLIND, {pilot: BatchId("1.0") for pilot in pilot_ids(3)})
        assert (one.told, two.told) == (["blind: 3"], ["alpha", "blind: 3"])
        in_force = telling(in_force, None)
        for listener in listeners:
            listener.cycle(a_cycle(ALPHA))
            listener.cycle(a_cycle(GONE))
        assert one.told[1:] == ["alpha", "gone"], "after a reload, and of a queue that is not there any more"
