"""The contract of a notifier, and what every ``[notify.NAME]`` takes beside its plugin's own settings."""

from typing import Annotated, Protocol

from pydantic import Field

from autopyfactory.api.plugin import Settings
from autopyfactory.model import NoticeKind

Seconds = Annotated[float, Field(gt=0)]


class Notifier(Protocol):
    """One way to reach operators."""

    async def send(self, title: str, body: str) -> None:
        """Send one message of plain text: a title of one line, and a body of several.

        Returns once everyone that it is for was reached.  Raises `NotifyFailed` otherwise, without secrets
        in its text; sending the same title and body again then tells only those who were not reached.
        """
        ...

    async def close(self) -> None:
        """Let go of connections.  Twice is harmless."""
        ...


class NotifySettings(Settings):
    """What every ``[notify.NAME]`` takes beside its plugin's own settings."""

    plugin: str
    """Name of the plugin."""
    kinds: tuple[NoticeKind, ...] = ()
    """The kinds of notices that go there; left out: all."""
    queues: tuple[str, ...] = ()
    """Patterns like ``BNL*``: of notices about queues only those of these queues; left out: all."""
    after_s: float = Field(default=300, ge=0)
    """What is over sooner than that is not told, and what is gone for less is not told as resolved."""
    repeat_s: Seconds = 14400
    """What lasts, or comes and goes, is told again at most that often."""
    retry_s: Seconds = 60
    """A message that did not get through is tried again after that, then after twice as long, and so on."""


class NoticeThresholds(Settings):
    """The ``[notices]`` section: how often it is looked, and from when on something is worth a notice."""

    interval_s: Seconds = 60
    """From one look at what is wrong to the next."""
    failures: int = Field(default=3, ge=1)
    """Failed polls, or failed submissions, in a row."""
    starving_s: Seconds = 3600
    """How long work waits while no pilot runs."""
    credential_left_s: Seconds = 86400
    """What a credential has left before its end."""
    hole_pilots: int = Field(default=10, ge=1)
    """Pilots that ended on a node; with fewer nothing is said of it."""
    hole_share: float = Field(default=0.8, gt=0, le=1)
    """The share of them that failed fast."""
    hole_wall_s: Seconds = 300
    """A failed pilot that ran no longer than that died fast."""
