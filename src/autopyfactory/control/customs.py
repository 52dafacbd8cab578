"""What the configuration in force says of pilots, whatever became of their queues."""

from collections.abc import Collection
from datetime import timedelta

from autopyfactory.config.tree import Config, LifeSettings, PilotSettings
from autopyfactory.control.watch import Patience
from autopyfactory.model import QueueName


class Customs:
    """Answers by the configuration in force; pilots of removed queues are treated by the defaults."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def patience(self) -> Patience:
        """How long an absence is borne."""
        factory = self.config.factory
        return Patience(timedelta(seconds=factory.settle_s), timedelta(seconds=factory.grace_s))

    def empty_exit_codes(self, queue: QueueName) -> Collection[int]:
        """Which exit codes tell that a pilot of a queue never got a payload."""
        known = self.config.queues.get(queue)
        return (known.settings.pilot if known else PilotSettings()).empty_exit_codes

    def life(self, queue: QueueName) -> LifeSettings:
        """Return what is borne of the pilots of a queue, and for how long."""
        known = self.config.queues.get(queue)
        return known.settings.life if known else LifeSettings()
