"""Finds plugins; one that cannot be used is reported where it is named."""

from typing import Any, NamedTuple

from autopyfactory.api import Kind, PluginBroken, UnknownPlugin, find_plugin, plugin_name, plugin_names
from autopyfactory.config.node import Place
from autopyfactory.config.problems import Problems


class Found(NamedTuple):
    """A plugin under the name that it is registered by."""

    name: str
    plugin: type[Any]


def look_up(kind: Kind, name: str, place: Place, problems: Problems) -> Found | None:
    """Return the plugin of that name, or None after reporting why there is none."""
    try:
        return Found(plugin_name(kind, name), find_plugin(kind, name))
    except UnknownPlugin as error:
        noun = "rule" if kind is Kind.SCHED else f"{kind} plugin"
        hint = error.hint or f"installed: {', '.join(plugin_names(kind)) or 'none'}"
        problems.add(place, f'no {noun} is called "{name}"', hint)
    except PluginBroken as error:
        problems.add(place, str(error), "repair or remove that package")
    return None
