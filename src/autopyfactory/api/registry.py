"""Finds plugins through entry points; the in-tree plugins register in the same way."""

import difflib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from autopyfactory.api.errors import PluginBroken, UnknownPlugin


class Kind(StrEnum):
    """Kinds of plugins; the entry-point group is ``autopyfactory.<kind>``."""

    WMS = "wms"
    BATCH = "batch"
    SCHED = "sched"
    CONFIG = "config"
    CREDENTIALS = "credentials"
    NOTIFY = "notify"
    MONITOR = "monitor"


def find_plugin(kind: Kind, name: str) -> type[Any]:
    """Return the plugin class called ``name``.

    APF 2's run-together spellings (``MaxPerCycle``, ``maxpercycle``) find ``max_per_cycle``.
    Raises `UnknownPlugin`, or `PluginBroken` where it cannot be imported or declares no settings.
    """
    return _load(kind, _entry_point(kind, name))


def plugin_name(kind: Kind, name: str) -> str:
    """Return the name that a plugin is registered by, for any spelling that `find_plugin` takes.

    Raises `UnknownPlugin`.
    """
    return _entry_point(kind, name).name


def plugin_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of all installed plugins of a kind, sorted."""
    return tuple(sorted(point.name for point in _installed(kind).values()))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean "…"?`` for a likely slip, else an empty text."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def _entry_point(kind: Kind, name: str) -> EntryPoint:
    point = _installed(kind).get(_folded(name))
    if point is None:
        names = plugin_names(kind)
        raise UnknownPlugin(kind, name, did_you_mean(name, names), names)
    return point


@cache
def _installed(kind: Kind) -> Mapping[str, EntryPoint]:
    return {_folded(point.name): point for point in entry_points(group=f"autopyfactory.{kind}")}


@cache
def _load(kind: Kind, point: EntryPoint) -> type[Any]:
    origin = f"{kind} plugin {point.name!r} of {point.dist.name if point.dist else 'an unknown package'}"
    try:
        plugin: type[Any] = point.load()
    except Exception as error:
        raise PluginBroken(f"{origin} cannot be loaded: {type(error).__name__}: {error}") from error
    settings = plugin if kind is Kind.SCHED else getattr(plugin, "Settings", None)
    if not hasattr(settings, "model_validate"):
        raise PluginBroken(f"{origin} declares no settings model")
    return plugin


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
