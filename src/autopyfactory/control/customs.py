"""What the configuration in force says of pilots, whatever became of their queues."""

from collections.abc import Collection
from datetime import timedelta

from autopyfactory.api import Limit
from autopyfactory.config.tree import Config, LifeSettings, PilotSettings
from autopyfactory.control.watch import Patience
from autopyfactory.model import QueueName
from autopyfactory.sched.max_per_factory import MaxPerFactory


class Customs:
    """Answers by the configuration in force; pilots of removed queues are treated by the defaults."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def patience(self) -> Patience:
        """How long an absence is borne."""
        factory = self.config.factory
        return Patience(timedelta(seconds=factory.settle_s), timedelta(seconds=factory.grace_s))

    def limits(self, queue: QueueName, endpoint: str) -> tuple[Limit, ...]:
        """Return the limits that a plan is held against in the store, where other factories plan as well."""
        known, at = self.config.queues.get(queue), self.config.batch.get(endpoint)
        rules = [step.rule for step in known.chain] if known else []
        total = [rule.maximum for rule in rules if isinstance(rule, MaxPerFactory)]
        here = at.common.max_pilots if at else None
        return (
            *(Limit(maximum) for maximum in total if maximum is not None),
            *((Limit(here, endpoint),) if here is not None else ()),
        )

    def empty_exit_codes(self, queue: QueueName) -> Collection[int]:
        """Which exit codes tell that a pilot of a queue never got a payload."""
        known = self.config.queues.get(queue)
        return (known.settings.pilot if known else PilotSettings()).empty_exit_codes

    def life(self, queue: QueueName) -> LifeSettings:
        """Return what is borne of the pilots of a queue, and for how long."""
        known = self.config.queues.get(queue)
        return known.settings.life if known else LifeSettings()
