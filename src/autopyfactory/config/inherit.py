"""``extends``: a queue or a profile lies on top of the profiles that it names."""

from collections.abc import Iterator, Mapping

from autopyfactory.api import did_you_mean
from autopyfactory.config.node import Items, Leaf, Node, Table, describe, merge_tables
from autopyfactory.config.problems import Problems

EXTENDS = "extends"


class Inheritance:
    """Merges tables with what they extend.

    Of several profiles the later one wins, and the table itself wins over all of them.  Tables merge at every
    depth, lists replace.
    """

    def __init__(
        self,
        profiles: Mapping[str, Table],
        queues: Mapping[str, Table],
        problems: Problems,
        elsewhere: str,
    ) -> None:
        self._profiles = profiles
        self._queues = queues
        self._problems = problems
        self._elsewhere = elsewhere
        self._merged: dict[str, tuple[Table, bool]] = {}

    def effective(self, table: Table) -> tuple[Table, bool]:
        """Return the table merged with all that it extends, and whether all of that could be found."""
        return self._lay_over(table, ())

    def _lay_over(self, table: Table, path: tuple[str, ...]) -> tuple[Table, bool]:
        merged: Table | None = None
        whole = True
        for name, node in self._names(table):
            found = None if name is None else self._profile(name, node, path)
            if found is None:
                whole = False
                continue
            profile, profile_whole = found
            whole &= profile_whole
            merged = profile if merged is None else merge_tables(merged, profile)
        own = table.without([EXTENDS])
        return own if merged is None else merge_tables(merged, own), whole

    def _profile(self, name: str, node: Node, path: tuple[str, ...]) -> tuple[Table, bool] | None:
        if name in path:
            self._report_cycle(path[path.index(name) :])
            return None
        if name not in self._profiles:
            self._report_unknown(name, node)
            return None
        if name not in self._merged:
            self._merged[name] = self._lay_over(self._profiles[name], (*path, name))
        return self._merged[name]

    def _names(self, table: Table) -> Iterator[tuple[str | None, Node]]:
        """Give the names that a table extends; None for what is no name, which is reported."""
        extends = table.entries.get(EXTENDS)
        if extends is None:
            return
        for node in extends.items if isinstance(extends, Items) else [extends]:
            if isinstance(node, Leaf) and isinstance(node.value, str):
                yield node.value, node
            else:
                expected = (
                    "a profile's name" if isinstance(extends, Items) else "a profile's name or a list of them"
                )
                self._problems.add(node.place, f"expected {expected}, got {describe(node)}")
                yield None, node

    def _report_unknown(self, name: str, node: Node) -> None:
        if name in self._queues:
            hint = "it is a queue: extend a profile instead"
        else:
            hint = (
                did_you_mean(name, self._profiles)
                or self._elsewhere
                or f"add [profiles.{name}], or remove it here"
            )
        self._problems.add(node.place, f'no profile is called "{name}"', hint)

    def _report_cycle(self, members: tuple[str, ...]) -> None:
        # told from its first member in the configuration, so that it is told once
        order = {name: index for index, name in enumerate(self._profiles)}
        first = min(range(len(members)), key=lambda i: order[members[i]])
        cycle = (*members[first:], *members[: first + 1])
        place = self._profiles[cycle[0]].entries[EXTENDS].place
        self._problems.add(place, f"extends itself: {' -> '.join(cycle)}", "remove one of these links")
