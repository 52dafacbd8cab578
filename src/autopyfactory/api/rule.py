"""The contract of a rule (sched plugin)."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple, Protocol

from autopyfactory.api.plugin import Settings
from autopyfactory.model import Decision, QueueState


class Rule(Protocol):
    """A pure function of a queue's state and of the decision so far."""

    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Return ``so_far.then(…)`` or ``so_far.block(…)``; never wait, never ask the time."""
        ...


class RuleSettings(Settings):
    """A rule together with its settings: the fields are the settings, the call is the rule."""

    apf2_name: ClassVar[str] = ""
    """Name in APF 2's trace; empty: the class's name."""
    uses_history: ClassVar[bool] = False
    """Whether the rule looks at ``state.history``."""

    @abstractmethod
    def __call__(self, state: QueueState, so_far: Decision) -> Decision:
        """Return ``so_far.then(…)`` or ``so_far.block(…)``; never wait, never ask the time."""


class ChainStep(NamedTuple):
    """One rule of a chain, under the name that it is registered by."""

    name: str
    rule: RuleSettings
