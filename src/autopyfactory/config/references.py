"""Strings that are kept elsewhere: ``{env = "NAME"}`` and ``{file = "PATH"}``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autopyfactory.config.annotations import below, takes_table
from autopyfactory.config.node import Items, Leaf, Node, Place, Table
from autopyfactory.config.problems import Problems

REFERENCE_HINT = 'a reference is {env = "NAME"} or {file = "PATH"}'


class References:
    """Puts the strings in place of the references to them."""

    def __init__(self, environ: Mapping[str, str], base: Path, problems: Problems) -> None:
        self._environ = environ
        self._base = base
        self._problems = problems
        self._found: set[str] = set()

    @property
    def found(self) -> frozenset[str]:
        """The strings that were put in so far, none of them empty."""
        return frozenset(self._found)

    def resolve(self, table: Table, model: type[Any]) -> Table:
        """Return the table of a settings model with all references resolved.

        A table is a reference only where the model takes no table: ``environment = {env = "prod"}`` sets a
        variable called ``env``.  What cannot be found is reported, and marked as missing.
        """
        resolved = self._resolve(table, model)
        return resolved if isinstance(resolved, Table) else table

    def _resolve(self, node: Node, annotation: Any) -> Node:
        if annotation is None:
            return node
        if isinstance(node, Items):
            items = (self._resolve(item, below(annotation, i)) for i, item in enumerate(node.items))
            return Items(node.place, tuple(items))
        if isinstance(node, Leaf):
            return node
        if takes_table(annotation):
            entries = node.entries.items()
            return Table(
                node.place, {key: self._resolve(entry, below(annotation, key)) for key, entry in entries}
            )
        return self._look_up(node)

    def _look_up(self, table: Table) -> Node:
        lookups: dict[str, Callable[[str, Place], str | None]] = {
            "env": self._from_environ,
            "file": self._from_file,
        }
        match list(table.entries.items()):
            case [(kind, Leaf(value=str(name)))] if kind in lookups:
                text = lookups[kind](name, table.place.child(kind))
                if text:
                    self._found.add(text)
                return Leaf(table.place, text or "", referenced=True, missing=text is None)
            case _:
                return table

    def _from_environ(self, name: str, place: Place) -> str | None:
        if name not in self._environ:
            self._problems.add(place, f'the environment variable "{name}" is not set')
        return self._environ.get(name)

    def _from_file(self, name: str, place: Place) -> str | None:
        path = self._base / name
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            self._problems.add(place, f"cannot read {path}: {error.strerror}")
            return None
        except UnicodeDecodeError:
            self._problems.add(place, f"cannot read {path}: it is not text in UTF-8")
            return None
        if "\0" in text:
            self._problems.add(place, f"cannot read {path}: it holds NUL characters")
            return None
        return text.removesuffix("\n").removesuffix("\r")
