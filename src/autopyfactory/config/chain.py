"""Makes chains of rules out of ``sched`` lists."""

from autopyfactory.api import ChainStep, Kind, RuleSettings
from autopyfactory.config.annotations import keys_of
from autopyfactory.config.node import Items, Leaf, Node, Table, describe
from autopyfactory.config.plugins import look_up
from autopyfactory.config.problems import Problems
from autopyfactory.config.references import References
from autopyfactory.config.validate import validate

SCHED = "sched"
SCHED_HINT = (
    'for example sched = ["ready", {max_per_cycle = {maximum = 50}}, {max_pending = {maximum = 100}}]'
)

_QUIRKS = "apf2_quirks"
_FACTORY_CAP = "max_per_factory"
_ITEM_HINT = 'a rule is written as "ready" or {scale = {factor = 0.5}}, one for each item'


class Chains:
    """Builds chains; one that many queues inherit is built once."""

    def __init__(self, factory_cap: int | None, references: References, problems: Problems) -> None:
        """Take the factory's cap, which the rule ``max_per_factory`` holds unless it is given its own."""
        self._factory_cap = factory_cap
        self._references = references
        self._problems = problems
        # the node is kept beside its chain, so that its id stays its own
        self._built: dict[tuple[int, bool], tuple[Node, tuple[ChainStep, ...] | None]] = {}

    def build(self, node: Node, *, quirks: bool) -> tuple[ChainStep, ...] | None:
        """Return the chain that a list describes, or None after reporting what is wrong with it."""
        key = (id(node), quirks)
        if key not in self._built:
            self._built[key] = (node, self._build(node, quirks))
        return self._built[key][1]

    def _build(self, node: Node, quirks: bool) -> tuple[ChainStep, ...] | None:
        if not isinstance(node, Items):
            self._problems.add(node.place, f"expected a list of rules, got {describe(node)}", SCHED_HINT)
            return None
        if not node.items:
            self._problems.add(node.place, "expected at least one rule, got an empty list", SCHED_HINT)
            return None
        steps = [self._step(item, quirks) for item in node.items]
        whole = tuple(step for step in steps if step is not None)
        return whole if len(whole) == len(steps) else None

    def _step(self, item: Node, quirks: bool) -> ChainStep | None:
        match item:
            case Leaf(value=str(name)):
                settings: Node = Table(item.place.child(name), {})
            case Table(entries=entries) if len(entries) == 1:
                [(name, settings)] = entries.items()
            case Table(entries=entries):
                problem = f"expected one rule, got a table with {len(entries)} keys"
                self._problems.add(item.place, problem, _ITEM_HINT)
                return None
            case _:
                self._problems.add(item.place, f"expected a rule, got {describe(item)}", _ITEM_HINT)
                return None
        found = look_up(Kind.SCHED, name, item.place, self._problems)
        if found is None:
            return None
        if not isinstance(settings, Table):
            self._problems.add(settings.place, f"expected a table, got {describe(settings)}", _ITEM_HINT)
            return None
        rule = self._rule(found.name, found.plugin, settings, quirks)
        return ChainStep(found.name, rule) if rule else None

    def _rule(self, name: str, rule: type[RuleSettings], table: Table, quirks: bool) -> RuleSettings | None:
        keys = keys_of(rule)
        given: dict[str, Node] = {}
        if quirks and _QUIRKS in keys:
            given[_QUIRKS] = Leaf(table.place.child(_QUIRKS), value=True)
        if name == _FACTORY_CAP and self._factory_cap is not None:
            given["maximum"] = Leaf(table.place.child("maximum"), value=self._factory_cap)
        own = self._references.resolve(table, rule)
        return validate(rule, Table(table.place, {**given, **own.entries}), self._problems)
