"""What differs between two configurations, and what of it a running factory cannot take over."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autopyfactory.config.node import Place
from autopyfactory.config.snapshot import ROOT, Snapshot
from autopyfactory.config.source import NAMED_SECTIONS
from autopyfactory.config.tree import Config

NEEDS_RESTART = ("factory.id", "factory.store", "factory.state_dir", "factory.shared", "factory.lease_s")
"""They tell whose pilots these are and where they are kept: another factory, rather than a changed one."""
_SERVED = "factory.log_dir"
_TOLD = "monitor."
"""Monitors are told of a factory from its start on."""
_WHERE_READ = "files"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs."""

    key: str
    """As ``queues.BNL.sched[2].max_per_cycle.maximum``."""
    old: Any
    """As JSON has it, secrets masked; None where there was no such setting."""
    new: Any

    @property
    def is_secret(self) -> bool:
        """Whether what differs is masked."""
        return bool(self.old == self.new)

    def __str__(self) -> str:
        if self.is_secret:
            return f"~ {self.key}: another secret"
        return f"~ {self.key}: {_text(self.old)} → {_text(self.new)}"


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs; sections by their names, as ``queues.BNL``."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    """Settings in sections that both have."""
    needs_restart: tuple[str, ...] = ()
    """Keys of the changes that cannot be made while the factory runs."""

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed)

    def lines(self) -> list[str]:
        """Return one line for each thing that differs."""
        return [
            *(f"+ {name}" for name in self.added),
            *(f"- {name}" for name in self.removed),
            *(str(change) for change in self.changed),
        ]

    def document(self) -> dict[str, Any]:
        """Return values that JSON can hold."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": [
                {"key": change.key, "old": change.old, "new": change.new, "secret": change.is_secret}
                for change in self.changed
            ],
            "needs_restart": list(self.needs_restart),
        }


def diff(old: Config, new: Config) -> Diff:
    """Compare two configurations; from which files they were read is no difference."""
    return diff_snapshots(Snapshot.of(old, ""), Snapshot.of(new, ""))


def diff_snapshots(old: Snapshot, new: Snapshot) -> Diff:
    """Compare two configurations by snapshots, whose marks were made with one key."""
    added: list[str] = []
    removed: list[str] = []
    changed: list[Change] = []
    for kind in dict.fromkeys([*old.shown, *new.shown]):
        before, after, place = old.shown.get(kind), new.shown.get(kind), ROOT.child(kind)
        if kind in NAMED_SECTIONS and isinstance(before, Mapping) and isinstance(after, Mapping):
            added += [place.child(name).key for name in after if name not in before]
            removed += [place.child(name).key for name in before if name not in after]
            both = [name for name in before if name in after]
            before, after = ({name: section[name] for name in both} for section in (before, after))
        if kind != _WHERE_READ:
            changed += _changes(before, after, place, old.marks, new.marks)
    keys = [*added, *removed, *(change.key for change in changed)]
    return Diff(tuple(added), tuple(removed), tuple(changed), _needing_restart(keys, old, new))


def _needing_restart(keys: list[str], old: Snapshot, new: Snapshot) -> tuple[str, ...]:
    served = any(snapshot.shown.get("web", {}).get("enabled") for snapshot in (old, new))
    return tuple(
        key
        for key in keys
        if key in NEEDS_RESTART
        or key.startswith(_TOLD)
        or (served and (key == _SERVED or key.startswith("web.")))
    )


def _changes(
    old: Any, new: Any, place: Place, old_marks: Mapping[str, str], new_marks: Mapping[str, str]
) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            below = place.child(name)
            yield from _changes(old.get(name), new.get(name), below, old_marks, new_marks)
    elif isinstance(old, list) and isinstance(new, list) and (old == new or _are_alike(old, new)):
        for i, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changes(before, after, place.child(i), old_marks, new_marks)
    elif old != new or old_marks.get(place.key) != new_marks.get(place.key):
        yield Change(place.key, old, new)


def _are_alike(old: list[Any], new: list[Any]) -> bool:
    """Whether two lists hold tables with the same keys, so that only what is in those differs: chains do."""
    return len(old) == len(new) and all(
        isinstance(before, Mapping) and isinstance(after, Mapping) and before.keys() == after.keys()
        for before, after in zip(old, new, strict=True)
    )


def _text(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
