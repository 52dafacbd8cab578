"""The ``[profiles.NAME]`` and ``[queues.NAME]`` sections: inheritance and chains."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autopyfactory.api import ChainStep
from autopyfactory.config.chain import SCHED, SCHED_HINT, Chains
from autopyfactory.config.inherit import EXTENDS, Inheritance
from autopyfactory.config.node import Leaf, Table
from autopyfactory.config.problems import Problems
from autopyfactory.config.source import Sections
from autopyfactory.config.tree import QueueSettings
from autopyfactory.config.validate import validate
from autopyfactory.model import QueueName

_QUIRKS = "apf2_quirks"
_NOT_SETTINGS = (EXTENDS, SCHED)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue merged with all that it extends."""

    name: QueueName
    table: Table
    whole: bool
    """Whether everything that it extends was found; if not, what seems to be missing may not be."""


class Queues:
    """Reads queues and profiles, as far as that needs neither a factory nor endpoints."""

    def __init__(
        self, sections: Sections, chains: Chains, problems: Problems, resolve: Callable[[Table], Table]
    ) -> None:
        """Have ``resolve`` look up references, once in each section, before anything is merged."""
        self._chains = chains
        self._problems = problems
        self._profiles = [(name, resolve(table)) for name, table in sections.every("profiles")]
        self._queues = [(name, resolve(table)) for name, table in sections.every("queues")]
        profiles: dict[str, Table] = {}
        for name, table in self._profiles:
            profiles.setdefault(name, table)
        self._inheritance = Inheritance(profiles, sections.named["queues"], problems, sections.elsewhere)

    def profiles(self) -> Iterator[Table]:
        """Give every profile's own table, after checking what it extends and its chain."""
        for _, table in self._profiles:
            self._inheritance.effective(table)
            if SCHED in table.entries:
                self._chains.build(table.entries[SCHED], quirks=self._quirks(table))
            yield table

    def queues(self) -> Iterator[Queue]:
        """Give every queue; those whose name was taken come last, to be checked as well."""
        for name, table in self._queues:
            merged, whole = self._inheritance.effective(table)
            yield Queue(QueueName(name), merged, whole)

    def settings(self, table: Table, *, partial: bool) -> QueueSettings | None:
        """Return the settings of a queue, or None after reporting what is wrong with them."""
        own = table.without(_NOT_SETTINGS)
        return validate(QueueSettings, own, self._problems, also=_NOT_SETTINGS, partial=partial)

    def chain(self, queue: Queue) -> tuple[ChainStep, ...] | None:
        """Return the queue's chain, or None after reporting why there is none."""
        node = queue.table.entries.get(SCHED)
        if node is not None:
            return self._chains.build(node, quirks=self._quirks(queue.table))
        if queue.whole:
            self._problems.add(queue.table.place.child(SCHED), "is missing", SCHED_HINT)
        return None

    def _quirks(self, table: Table) -> bool:
        node = table.entries.get(_QUIRKS)
        if node is None:
            return False
        validate(QueueSettings, table.only([_QUIRKS]), self._problems, partial=True)
        return isinstance(node, Leaf) and node.value is True
