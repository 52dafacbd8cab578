"""Values of a TOML file together with the place where they were written."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

Scalar = str | int | float | bool | date | time
Step = str | int

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: the file, and the key as an operator would look for it."""

    file: str
    key: str = ""

    def child(self, step: Step) -> "Place":
        """Return the place of an entry of a table, or of an item of a list."""
        if isinstance(step, int):
            return Place(self.file, f"{self.key}[{step}]")
        # JSON's strings are TOML's, so this is how the key is written in the file
        key = step if _BARE_KEY.fullmatch(step) else json.dumps(step, ensure_ascii=False)
        return Place(self.file, f"{self.key}.{key}" if self.key else key)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value."""

    place: Place
    value: Scalar
    referenced: bool = False
    """It came from the environment or from a file, so it is never shown and nothing is filled into it."""
    missing: bool = False
    """What it refers to does not exist, which has been reported; ``value`` stands in for it."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    place: Place
    entries: Mapping[str, "Node"]

    def only(self, keys: Sequence[str]) -> "Table":
        """Return the table with just these keys."""
        return Table(self.place, {key: node for key, node in self.entries.items() if key in keys})

    def without(self, keys: Sequence[str]) -> "Table":
        """Return the table less these keys."""
        return Table(self.place, {key: node for key, node in self.entries.items() if key not in keys})

    def at(self, steps: Sequence[Step]) -> "Node":
        """Return what is found along these steps, or the nearest above it where there is nothing."""
        return walk(self, steps)[0]


Node = Leaf | Items | Table


def node_of(value: Any, place: Place) -> Node:
    """Give places to a value that ``tomllib`` has read."""
    if isinstance(value, dict):
        return Table(place, {key: node_of(item, place.child(key)) for key, item in value.items()})
    if isinstance(value, list):
        return Items(place, tuple(node_of(item, place.child(i)) for i, item in enumerate(value)))
    return Leaf(place, value)


def plain(node: Node) -> Any:
    """Return the value without places: the reverse of `node_of`."""
    match node:
        case Table():
            return {key: plain(entry) for key, entry in node.entries.items()}
        case Items():
            return [plain(item) for item in node.items]
        case Leaf():
            return node.value


def merge_tables(under: Table, over: Table) -> Table:
    """Lay one table over another, key by key and at every depth; lists and single values replace."""
    merged = dict(under.entries)
    for key, entry in over.entries.items():
        below = merged.get(key)
        if isinstance(below, Table) and isinstance(entry, Table):
            entry = merge_tables(below, entry)
        merged[key] = entry
    return Table(over.place, merged)


def leaves(node: Node, steps: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Leaf]]:
    """Give every single value with the steps that lead to it."""
    match node:
        case Leaf():
            yield steps, node
        case Items():
            for index, item in enumerate(node.items):
                yield from leaves(item, (*steps, index))
        case Table():
            for key, entry in node.entries.items():
                yield from leaves(entry, (*steps, key))


def walk(node: Node, steps: Sequence[Step]) -> tuple[Node, tuple[Step, ...]]:
    """Follow steps downwards, and return what is found with the steps that led there.

    Steps that lead nowhere are passed over: pydantic's locations hold the names of a union's members too.
    """
    taken: list[Step] = []
    for step in steps:
        below = _below(node, step)
        if below is not None:
            node = below
            taken.append(step)
    return node, tuple(taken)


def describe(node: Node) -> str:
    """Return what was found, for an error; the value itself only where it may be shown."""
    match node:
        case Table():
            return "a table"
        case Items():
            return "a list"
        case Leaf(referenced=True):
            return "the value that is referred to"
        case Leaf(value=value):
            return quoted(value)


def kind_of(node: Node) -> str:
    """Return what kind of value was found, and nothing of the value."""
    if not isinstance(node, Leaf):
        return describe(node)
    kinds: dict[type, str] = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
    return kinds.get(type(node.value), "a date or time")


def quoted(value: Scalar) -> str:
    """Return a value as TOML writes it, shortened where it is long."""
    if isinstance(value, date | time):
        return value.isoformat()
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_QUOTE else f'{text[: _LONGEST_QUOTE - 2]}…"'


def _below(node: Node, step: Step) -> Node | None:
    if isinstance(node, Table) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None
