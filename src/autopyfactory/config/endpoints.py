"""The ``[wms.NAME]``, ``[batch.NAME]``, ``[monitor.NAME]`` and ``[notify.NAME]`` sections."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from autopyfactory.api import Kind, NotifySettings, Settings
from autopyfactory.config.annotations import keys_of
from autopyfactory.config.node import Leaf, Table
from autopyfactory.config.paths import anchor
from autopyfactory.config.plugins import look_up
from autopyfactory.config.problems import Problems
from autopyfactory.config.references import References
from autopyfactory.config.source import Sections
from autopyfactory.config.tree import (
    BatchEndpoint,
    BatchEndpointSettings,
    Endpoint,
    EndpointSettings,
    MonitorSettings,
    MonitorTarget,
    NotifyTarget,
)
from autopyfactory.config.validate import validate

C = TypeVar("C", bound=Settings)


class Endpoints:
    """Builds endpoints; one that is wrong is reported and left out."""

    def __init__(self, base: Path, references: References, problems: Problems) -> None:
        self._base = base
        self._references = references
        self._problems = problems

    def wms(self, sections: Sections) -> dict[str, Endpoint]:
        """Return the WMS endpoints by name."""
        built = self._built(sections, Kind.WMS, EndpointSettings)
        return {name: Endpoint(name, plugin, common, own) for name, plugin, common, own in built}

    def batch(self, sections: Sections) -> dict[str, BatchEndpoint]:
        """Return the batch endpoints by name."""
        built = self._built(sections, Kind.BATCH, BatchEndpointSettings)
        return {name: BatchEndpoint(name, plugin, common, own) for name, plugin, common, own in built}

    def monitors(self, sections: Sections) -> dict[str, MonitorTarget]:
        """Return the monitors that are told of this factory, by name."""
        built = self._built(sections, Kind.MONITOR, MonitorSettings)
        return {name: MonitorTarget(name, plugin, common, own) for name, plugin, common, own in built}

    def notify(self, sections: Sections) -> dict[str, NotifyTarget]:
        """Return the ways to tell operators what is wrong, by name."""
        built = self._built(sections, Kind.NOTIFY, NotifySettings)
        return {name: NotifyTarget(name, plugin, common, own) for name, plugin, common, own in built}

    def _built(
        self, sections: Sections, kind: Kind, model: type[C]
    ) -> Iterator[tuple[str, type[Any], C, Settings]]:
        for name, table in sections.every(kind):
            parts = self._parts(table, kind, model)
            if parts is not None:
                yield name, *parts

    def _parts(self, table: Table, kind: Kind, model: type[C]) -> tuple[type[Any], C, Settings] | None:
        common_keys = keys_of(model)
        resolved = self._references.resolve(table.only(common_keys), model)
        common = validate(model, resolved, self._problems)
        plugin = self._plugin(resolved, kind)
        if plugin is None:
            return None
        own_keys = keys_of(plugin.Settings)
        # a key that both declare goes to both
        both = [key for key in common_keys if key not in own_keys]
        own_table = self._references.resolve(table.without(both), plugin.Settings)
        own: Settings | None = validate(plugin.Settings, own_table, self._problems, also=common_keys)
        if common is None or own is None:
            return None
        return plugin, common, anchor(own, self._base)

    def _plugin(self, table: Table, kind: Kind) -> type[Any] | None:
        node = table.entries.get("plugin")
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            return None
        found = look_up(kind, node.value, node.place, self._problems)
        return found.plugin if found else None
