"""Parameters that several routes take, with their bounds."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import AwareDatetime

from autopyfactory.config import Config
from autopyfactory.model import TAG_PATTERN, QueueName
from autopyfactory.web.problems import Problem

# outside of these a time may have no counterpart in UTC
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_NAME = r"^[^\x00-\x1f]{1,128}$"
SEARCH = r"^[^\x00-\x1f]{0,255}$"
"""What may be searched for; nothing: all."""

Moment = Annotated[AwareDatetime, Query(ge=EARLIEST, lt=LATEST, examples=["2026-03-01T12:00:00Z"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Items of a page.")]
Before = Annotated[int | None, Query(ge=0, lt=2**63, description="`next` of the page before.")]
QueueQuery = Annotated[str | None, Query(pattern=_NAME, description="Only this factory queue.")]
QueuePath = Annotated[str, Path(pattern=_NAME, description="Name of a factory queue.")]
PilotPath = Annotated[
    str,
    Path(pattern=f"^{TAG_PATTERN}$", description="Id of a pilot.", examples=["01KDZJ5Q8R5V6M2W7X9Y0Z1A2B"]),
]


def configured(config: Config, name: str) -> QueueName:
    """Return a queue of the configuration; raises `Problem` 404."""
    queue = QueueName(name)
    if queue not in config.queues:
        raise no_queue(name)
    return queue


def no_queue(name: str) -> Problem:
    """Return the refusal of a queue that is not there."""
    return Problem(404, f"no queue is called {name!r}")
