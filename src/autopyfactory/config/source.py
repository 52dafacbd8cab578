"""Reads files and directories of TOML, and sorts what they hold into sections."""

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autopyfactory.config.node import Node, Place, Table, describe, leaves, node_of, quoted
from autopyfactory.config.problems import Problems
from autopyfactory.config.validate import known_keys

NAMED_SECTIONS = ("wms", "batch", "monitor", "notify", "profiles", "queues")
SINGLE_SECTIONS = ("factory", "web", "notices")
_SECTIONS = (*SINGLE_SECTIONS, *NAMED_SECTIONS)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Queues are called what the WMS and the sites call them: host names, ports and paths occur.
_QUEUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")


@dataclass(slots=True)
class Sections:
    """Everything that was read, not yet validated."""

    base: Path
    """What relative paths are relative to: the directory of the first file."""
    files: list[Path] = field(default_factory=list)
    complete: bool = True
    """Whether every file could be read: what seems to be missing may else be in one that could not."""
    single: dict[str, list[Table]] = field(default_factory=lambda: {kind: [] for kind in SINGLE_SECTIONS})
    """By kind; the first where a section occurs twice, which has been reported, is the one that counts."""
    named: dict[str, dict[str, Table]] = field(default_factory=lambda: {kind: {} for kind in NAMED_SECTIONS})
    """By kind and name; the first where a name occurs twice."""
    repeated: list[tuple[str, str, Table]] = field(default_factory=list)
    """Kind, name and table of those whose name was taken, which has been reported."""

    @property
    def elsewhere(self) -> str:
        """The hint for what is not found, where a file that could not be read may hold it; else empty."""
        return "" if self.complete else "it may be in what could not be read"

    def every(self, kind: str) -> Iterator[tuple[str, Table]]:
        """Give all sections of a kind, those whose name was taken at the end."""
        yield from self.named[kind].items()
        yield from ((name, table) for other, name, table in self.repeated if other == kind)


def read_sections(paths: Sequence[Path], problems: Problems) -> Sections:
    """Read files, and directories of ``*.toml`` by name; a file that is given twice counts once."""
    if not paths:
        raise ValueError("at least one path is needed")
    first = paths[0].absolute()
    sections = Sections(base=first if first.is_dir() else first.parent)
    seen: set[Path] = set()
    for path in paths:
        files = list(_files(path, problems))
        sections.complete &= bool(files)
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                _read(file, sections, problems)
    return sections


def _files(path: Path, problems: Problems) -> Iterator[Path]:
    """Give the files of one path: itself, or those in a directory."""
    if not path.is_dir():
        yield path
        return
    try:
        found = sorted(file for file in path.iterdir() if file.suffix == ".toml" and not file.is_dir())
    except OSError as error:
        problems.add(Place(str(path)), f"cannot read the directory: {error.strerror}")
        return
    if not found:
        problems.add(Place(str(path)), "there is no *.toml file in this directory")
    yield from found


def _read(file: Path, sections: Sections, problems: Problems) -> None:
    sections.files.append(file)
    place = Place(str(file))
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        problems.add(place, f"cannot read the file: {error.strerror}")
        sections.complete = False
    except UnicodeDecodeError as error:
        problems.add(place, f"not text in UTF-8: byte {error.start} is {error.object[error.start]:#04x}")
        sections.complete = False
    except tomllib.TOMLDecodeError as error:
        problems.add(place, f"not TOML: {error}")
        sections.complete = False
    else:
        for key, value in document.items():
            node = node_of(value, place.child(key))
            _refuse_odd_values(node, problems)
            _sort_in(key, node, sections, problems)


def _sort_in(key: str, node: Node, sections: Sections, problems: Problems) -> None:
    if key not in _SECTIONS:
        problems.add(node.place, "unknown section", _section_hint(key))
    elif not isinstance(node, Table):
        problems.add(node.place, f"expected a table, got {describe(node)}")
    elif key in SINGLE_SECTIONS:
        known = sections.single[key]
        if known:
            problems.add(node.place, f"already defined in {known[0].place.file}", "keep one of them")
        known.append(node)
    else:
        for name, entry in node.entries.items():
            _sort_in_named(key, name, entry, sections, problems)


def _sort_in_named(kind: str, name: str, node: Node, sections: Sections, problems: Problems) -> None:
    if not isinstance(node, Table):
        problems.add(node.place, f"expected a table, got {describe(node)}")
        return
    pattern = _QUEUE_NAME if kind == "queues" else _NAME
    if not pattern.fullmatch(name):
        problems.add(node.place, f"expected a name that matches {pattern.pattern}, got {quoted(name)}")
    first = sections.named[kind].setdefault(name, node)
    if first is not node:
        problems.add(node.place, f"already defined in {first.place.file}", "rename or remove one of them")
        sections.repeated.append((kind, name, node))


def _refuse_odd_values(node: Node, problems: Problems) -> None:
    """Report what TOML can write and no setting has a use for: ``inf``, ``nan``, and NUL characters."""
    for _, leaf in leaves(node):
        if isinstance(leaf.value, float) and not math.isfinite(leaf.value):
            problems.add(leaf.place, f"expected a finite number, got {leaf.value}")
        elif isinstance(leaf.value, str) and "\0" in leaf.value:
            problems.add(leaf.place, "expected text without NUL characters")


def _section_hint(key: str) -> str:
    if key.lower() in {"default", "defaults"}:
        return "put what queues share into a [profiles.NAME], and extend that"
    return known_keys(key, _SECTIONS)
