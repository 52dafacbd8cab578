"""Errors that name the reaction.  Callers catch exactly those."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from autopyfactory.model import PilotId, QueueName


class AutoPyFactoryError(Exception):
    """Base of every error that is meant for an operator: its text says what to do next."""


class WmsUnavailable(AutoPyFactoryError):
    """The WMS gave no usable answer: nothing is known of its queues, skip them."""


class BatchUnavailable(AutoPyFactoryError):
    """The batch system gave no usable answer: nothing is known of its pilots, skip."""


class SubmitRejected(AutoPyFactoryError):
    """The batch system refused a submission: none of its pilots exist."""


class SubmitUnknown(AutoPyFactoryError):
    """A submission was sent but not confirmed: its pilots may exist, find them by tag."""


class SubmitTooLate(AutoPyFactoryError):
    """The time by which a submission was to be made is over: none of its pilots exist."""


class CredentialExpired(AutoPyFactoryError):
    """A credential is past its end: renew it before anything is sent with it."""


class NotifyFailed(AutoPyFactoryError):
    """A message did not reach everyone that it is for: send the same message again later.

    ``partly``: somebody has it.
    """

    def __init__(self, message: str, *, partly: bool = False) -> None:
        self.partly = partly
        super().__init__(message)


class StoreUnavailable(AutoPyFactoryError):
    """The store cannot be read or written at present (locked, full, gone): submit nothing, try again."""


class StoreRefused(AutoPyFactoryError):
    """The store must not be used as it is (corrupt, newer schema, another factory's): stop, touch nothing."""


class LeaseLost(AutoPyFactoryError):
    """Someone else owns queues that were believed to be ours: submit nothing for them, record nothing."""

    def __init__(self, queues: Collection[QueueName], pilots: Collection[PilotId] = ()) -> None:
        self.queues = frozenset(queues)
        self.pilots = frozenset(pilots)
        """Those of the pilots concerned that belong to these queues."""
        super().__init__(f"another factory has taken over {', '.join(sorted(self.queues))}")


class NoRoom(AutoPyFactoryError):
    """With the pilots of other factories on the same store a limit would be exceeded: plan fewer, later."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong with a configuration."""

    file: str
    key: str
    """For example ``queues.BNL.sched[2].max_per_cycle.maximum``; empty where the whole file is meant."""
    problem: str
    """What was expected and what was found."""
    hint: str = ""
    """For example ``did you mean "max_per_cycle"?``."""

    def __str__(self) -> str:
        place = f"{self.file} [{self.key}]" if self.key else self.file
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}: {self.problem}{hint}"


class ConfigError(AutoPyFactoryError):
    """The configuration cannot be used.  Carries every problem, not only the first."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownPlugin(AutoPyFactoryError):
    """No plugin of that name is installed."""

    def __init__(self, kind: str, name: str, hint: str, known: Sequence[str]) -> None:
        self.hint = hint
        listed = ", ".join(known) or "none"
        super().__init__(f'no {kind} plugin is called "{name}"; installed: {listed}')


class PluginBroken(AutoPyFactoryError):
    """A plugin is installed but cannot be used; the text names its distribution."""
