"""Finds and loads the configuration that a verb works on."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from autopyfactory.api import did_you_mean
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.config import Config, QueueConfig, load
from autopyfactory.model import QueueName

PLACES = (Path("apf.toml"), Path("/etc/autopyfactory"))
"""Where a configuration is looked for when none is named."""


def config_paths(named: Sequence[Path] | None) -> list[Path]:
    """Return the configuration's files; raises `UsageProblem` where none is named and none is found."""
    if named:
        return list(named)
    for place in PLACES:
        if place.exists():
            return [place]
    looked = " and ".join(str(place) for place in PLACES)
    raise UsageProblem(
        f'no configuration: {looked} do not exist; name one with --config, or write one with "apf init"'
    )


def load_config(named: Sequence[Path] | None) -> Config:
    """Load and validate the configuration; raises `ConfigError` with every problem."""
    return load(config_paths(named), os.environ)


def queue_named(config: Config, name: str) -> QueueConfig:
    """Return one queue of the configuration; raises `UsageProblem` for an unknown one."""
    queue = config.queues.get(QueueName(name))
    if queue is None:
        raise no_such_queue(name, config.queues)
    return queue


def no_such_queue(name: str, known: Iterable[str]) -> UsageProblem:
    """Return the complaint about a queue that is not there, with the likely slip or what there is."""
    names = sorted(known)
    hint = did_you_mean(name, names)
    if not hint:
        more = ", …" if len(names) > 10 else ""
        hint = f"there are: {', '.join(names[:10])}{more}" if names else "there is none at all"
    return UsageProblem(f'no queue is called "{name}"; {hint}')
