"""Reads a whole configuration, or just the chains of its queues."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from autopyfactory.api import ChainStep, NoticeThresholds, Settings, did_you_mean
from autopyfactory.config.chain import Chains
from autopyfactory.config.endpoints import Endpoints
from autopyfactory.config.node import Items, Leaf, Node, Place, Table
from autopyfactory.config.paths import anchor, anchor_store
from autopyfactory.config.problems import Problems
from autopyfactory.config.queues import Queue, Queues
from autopyfactory.config.references import References
from autopyfactory.config.source import Sections, read_sections
from autopyfactory.config.spec import SpecBuilder, SpecContext
from autopyfactory.config.tree import (
    Config,
    Endpoint,
    FactorySettings,
    MonitorTarget,
    PilotSettings,
    QueueConfig,
    QueueSettings,
)
from autopyfactory.config.validate import salvage, validate
from autopyfactory.config.web import WebSettings
from autopyfactory.model import QueueName, WmsQueue

S = TypeVar("S", bound=Settings)

_CAP = "max_per_factory"
# stands in for a section that is wrong, so that what depends on it is checked all the same
_ANY_FACTORY = FactorySettings(id="factory")


def load(paths: Sequence[Path], environ: Mapping[str, str]) -> Config:
    """Read TOML files, and directories of them, into one validated tree.

    Relative paths are relative to the directory of the first path, or to that path where it is a directory.
    ``environ`` is where ``{env = "NAME"}`` looks.  Raises `ConfigError` with everything that is wrong.
    """
    problems = Problems()
    sections = read_sections(paths, problems)
    references = References(environ, sections.base, problems)
    config = _Loader(sections, references, problems).config(Place(str(paths[0])))
    problems.raise_any([str(file) for file in sections.files], references.found)
    return config


def load_chains(
    paths: Sequence[Path], environ: Mapping[str, str]
) -> Mapping[QueueName, tuple[ChainStep, ...]]:
    """Read the chain of every queue, and nothing that chains do not need.

    Neither a ``[factory]`` nor a WMS or batch system is needed, nor looked at.  Raises `ConfigError`.
    """
    problems = Problems()
    sections = read_sections(paths, problems)
    references = References(environ, sections.base, problems)
    chains = _Loader(sections, references, problems).chains()
    problems.raise_any([str(file) for file in sections.files], references.found)
    return chains


class _Loader:
    def __init__(self, sections: Sections, references: References, problems: Problems) -> None:
        self._sections = sections
        self._problems = problems
        self._references = references
        self._chains = Chains(self._factory_cap(), self._references, problems)

    def chains(self) -> dict[QueueName, tuple[ChainStep, ...]]:
        """Return the chains that are whole; what is wrong with the others is reported."""
        # references are left alone: what is missing outside of the chains is of no concern here
        reader = Queues(self._sections, self._chains, self._problems, resolve=lambda table: table)
        for _ in reader.profiles():
            pass
        found = ((queue.name, reader.chain(queue)) for queue in reader.queues())
        return {name: chain for name, chain in found if chain is not None}

    def config(self, nowhere: Place) -> Config:
        """Return the tree of all that is right; what is wrong is reported, and left out."""
        factory = self._factory(nowhere) or _ANY_FACTORY
        endpoints = Endpoints(self._sections.base, self._references, self._problems)
        wms = endpoints.wms(self._sections)
        batch = endpoints.batch(self._sections)
        monitors = endpoints.monitors(self._sections)
        notify = endpoints.notify(self._sections)
        reader = Queues(self._sections, self._chains, self._problems, resolve=self._resolve_queue)
        for profile in reader.profiles():
            reader.settings(profile, partial=True)
            self._check_endpoints(profile)
        queues = [self._queue(reader, queue, factory, wms, monitors) for queue in reader.queues()]
        return Config(
            factory=factory,
            wms=wms,
            batch=batch,
            queues={queue.name: queue for queue in queues if queue is not None},
            monitors=monitors,
            notify=notify,
            notices=self._single("notices", NoticeThresholds),
            web=anchor(self._single("web", WebSettings), self._sections.base),
            files=tuple(file.absolute() for file in self._sections.files),
            referenced=self._references.found,
        )

    def _factory_cap(self) -> int | None:
        for table in self._sections.single["factory"]:
            validate(FactorySettings, table.only([_CAP]), self._problems, partial=True)
            node = table.entries.get(_CAP)
            if isinstance(node, Leaf) and isinstance(node.value, int):
                return node.value
        return None

    def _factory(self, nowhere: Place) -> FactorySettings | None:
        base = self._sections.base
        valid: FactorySettings | None = None
        for table in self._sections.single["factory"]:
            resolved = self._references.resolve(table, FactorySettings)
            valid = validate(FactorySettings, resolved, self._problems)
        if not self._sections.single["factory"] and self._sections.complete:
            hint = 'add [factory] with id = "NAME", its name'
            self._problems.add(nowhere.child("factory"), "the section is missing", hint)
        if valid is None:
            return None
        return anchor(valid.model_copy(update={"store": anchor_store(valid.store, base)}), base)

    def _single(self, section: str, model: type[S]) -> S:
        """Return the settings of a section that need not be there."""
        valid: S | None = None
        for table in self._sections.single[section]:
            valid = validate(model, self._references.resolve(table, model), self._problems)
        return valid or model()

    def _resolve_queue(self, table: Table) -> Table:
        return self._references.resolve(table, QueueSettings)

    def _queue(
        self,
        reader: Queues,
        queue: Queue,
        factory: FactorySettings,
        wms: Mapping[str, Endpoint],
        monitors: Mapping[str, MonitorTarget],
    ) -> QueueConfig | None:
        chain = reader.chain(queue)
        settings = reader.settings(queue.table, partial=not queue.whole)
        self._check_endpoints(queue.table)
        wms_queue = WmsQueue(_text(queue.table, "wms_queue") or queue.name)
        endpoint = wms.get(_text(queue.table, "wms"))
        told = settings.monitors if settings and settings.monitors is not None else tuple(monitors)
        urls = [monitors[name].pilots_url for name in told if name in monitors]
        monitor_url = next(filter(None, urls), "")
        context = SpecContext(queue.name, wms_queue, factory, endpoint, self._sections.base, monitor_url)
        pilot = settings.pilot if settings else _right_part(queue.table.entries.get("pilot"))
        spec = SpecBuilder(context, pilot, queue.table, self._problems).build()
        if settings is None or chain is None:
            return None
        return QueueConfig(queue.name, settings, wms_queue, chain, spec)

    def _check_endpoints(self, table: Table) -> None:
        for kind in ("wms", "batch"):
            self._check_name(kind, table.entries.get(kind))
        monitors = table.entries.get("monitors")
        for item in monitors.items if isinstance(monitors, Items) else ():
            self._check_name("monitor", item)

    def _check_name(self, kind: str, node: Node | None) -> None:
        if not isinstance(node, Leaf) or not isinstance(node.value, str) or not node.value:
            return  # which has been reported
        name, known = node.value, self._sections.named[kind]
        if name not in known:
            hint = did_you_mean(name, known) or self._sections.elsewhere or f"add [{kind}.{name}]"
            self._problems.add(node.place, f"there is no [{kind}.{name}]", hint)


def _text(table: Table, key: str) -> str:
    """Return the text of an entry, or an empty one where it has none, which has been reported."""
    node = table.entries.get(key)
    return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else ""


def _right_part(pilot: Node | None) -> PilotSettings:
    """Return what is right of a ``pilot`` table of which something may be wrong."""
    found = salvage(PilotSettings, pilot) if isinstance(pilot, Table) else None
    return found or PilotSettings()
