"""The configuration as one frozen, validated tree: what everything else is built from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from autopyfactory.api import ChainStep, NoticeThresholds, NotifySettings, Settings
from autopyfactory.config.web import WebSettings
from autopyfactory.model import FactoryId, PilotSpec, QueueName, SiteStatus, WmsQueue

Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[float, Field(gt=0)]


class FactorySettings(Settings):
    """The ``[factory]`` section."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)
    """Name of this factory; every pilot is tagged with it.  Never change it while pilots live."""
    admin_email: str = ""
    """Whom to ask about this factory; part of what pilots carry."""
    store: SecretStr = SecretStr("sqlite:///apf.db")
    """Where the factory keeps its state: ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``."""
    shared: bool = False
    """Whether several factories of this id work on the store, each queue run by the one that owns it."""
    lease_s: float = Field(default=60, ge=10)
    """With ``shared``: where an owner dies, another factory takes its queues over within that time."""
    state_dir: Path = Path("state")
    """Where plugins keep files of their own, for example the working directories of local pilots."""
    log_dir: Path = Path("logs")
    """Pilots' output goes to ``log_dir/YYYY-MM-DD/QUEUE/``."""
    log_url: str = ""
    """URL under which ``log_dir`` is served; empty where it is not."""
    max_per_factory: int | None = Field(default=None, ge=0)
    """Pilots that may wait or run in all queues together; None: no limit."""
    grace_s: Seconds = 3600
    """How long a pilot may be neither listed nor in the history before it counts as lost."""
    settle_s: Seconds = 120
    """How long a submission without confirmation may still appear in listings before it is closed."""
    keep_pilots_days: Days = 30
    """How long ended pilots and their transitions are kept."""
    keep_cycles_days: Days = 7
    """How long the traces of decisions and the samples for charts are kept."""
    keep_logs_days: Days = 30
    """How long the files below ``log_dir`` are kept, those of queues that are no longer configured too."""
    log_free_percent: float = Field(default=5, ge=0, lt=100)
    """Where less of the file system of ``log_dir`` is free, the oldest days go before their time."""
    reload: Literal["signal", "watch"] = "signal"
    """When a changed configuration is taken over: when asked to, or also as soon as a file has changed."""


class PilotSettings(Settings):
    """The ``pilot`` table of a queue: what is submitted.

    ``arguments``, ``environment`` and ``attributes`` may hold the placeholders ``{queue}``, ``{wms_queue}``,
    ``{factory}``, ``{log_url}``, ``{wms.KEY}`` (a setting of the queue's WMS), and what is asked for here:
    ``{cores}``, ``{memory_mb}``, ``{disk_mb}``, ``{gpus}``, ``{walltime_s}``; ``{{`` is a brace.
    """

    executable: str = "builtin:wrapper"
    """A file, or ``builtin:wrapper`` for AutoPyFactory's own."""
    arguments: str | tuple[str, ...] | None = None
    """A command line or a list of words; left out: what the built-in wrapper needs."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    """Files that are sent along."""
    cores: int = Field(default=1, ge=1)
    memory_mb: int = Field(default=2000, ge=1)
    """Of the whole pilot, not per core."""
    disk_mb: int = Field(default=1000, ge=1)
    gpus: int = Field(default=0, ge=0)
    walltime_s: int | None = Field(default=None, ge=1)
    """After that the batch system may end the pilot; None: its own limit."""
    attributes: Mapping[str, str] = Field(default_factory=dict)
    """Further settings in the batch system's own language, for example ``"+Name" = '"value"'``."""
    empty_exit_codes: tuple[int, ...] = (80,)
    """Exit codes that tell a pilot that ended without ever getting a payload from a failed one."""


class EndpointSettings(Settings):
    """What every ``[wms.NAME]`` and ``[batch.NAME]`` takes beside its plugin's own settings."""

    plugin: str
    """Name of the plugin."""
    interval_s: Seconds = 120
    """Seconds from one poll to the next."""
    max_age_s: Seconds | None = None
    """An answer older than this is unknown; left out: three times ``interval_s``."""
    timeout_s: Seconds = 300
    """A call that takes longer counts as failed."""

    @property
    def stale_s(self) -> float:
        """The age from which an answer is unknown."""
        return self.max_age_s if self.max_age_s is not None else 3 * self.interval_s


class BatchEndpointSettings(EndpointSettings):
    """What every ``[batch.NAME]`` takes beside its plugin's own settings."""

    max_per_submit: int = Field(default=1000, ge=1)
    """Pilots in one call; more are sent in several."""
    max_pilots: int | None = Field(default=None, ge=0)
    """Pilots of this factory that may wait or run there; None: no limit."""


class MonitorSettings(Settings):
    """What every ``[monitor.NAME]`` takes beside its plugin's own settings."""

    plugin: str
    """Name of the plugin."""


class LifeSettings(Settings):
    """The ``life`` table of a queue: what is borne of a pilot, and for how long."""

    hold_releases: int = Field(default=3, ge=0)
    """How often a held pilot is released; held once more after that, it is removed."""
    hold_release_s: Seconds = 600
    """How long a pilot stays held before its first release; each further one takes twice as long."""
    pending_max_s: Seconds = 604_800
    """A pilot that has not started after that is removed."""
    running_max_s: Seconds = 691_200
    """A pilot that runs longer than that is removed, unless the batch system has done so before."""


class RetireSettings(Settings):
    """The ``retire`` table of a queue: how pilots that are too many are removed."""

    after_cycles: int = Field(default=3, ge=1)
    """Cycles in a row, each on a newer answer of WMS and batch system, that must agree on it."""
    per_cycle: int = Field(default=10, ge=0)
    """Pilots that are removed in one cycle at the most."""
    idle: bool = False
    """Also remove pilots that wait while the WMS has no ready job for the queue."""
    kill_order: Literal["newest", "oldest"] = "newest"
    """Which are removed first; those that wait always go before those that run."""
    running: bool = False
    """Whether pilots that run may be removed too."""


class QueueSettings(Settings):
    """A ``[queues.NAME]`` section, or what profiles give to it."""

    enabled: bool = True
    """A queue that is not enabled submits nothing; its pilots are watched to their end."""
    wms: str
    """NAME of the ``[wms.NAME]`` whose work it serves."""
    wms_queue: str = ""
    """Name of the queue there; left out: the queue's own name."""
    batch: str
    """NAME of the ``[batch.NAME]`` that its pilots go to."""
    monitors: tuple[str, ...] | None = None
    """NAMEs of the ``[monitor.NAME]`` that are told of it; left out: all."""
    interval_s: Seconds = 120
    """Seconds from one cycle to the next."""
    status: Literal["online", "test", "offline"] | None = None
    """Overrides what the WMS says of the site."""
    pilot: PilotSettings = PilotSettings()
    life: LifeSettings = LifeSettings()
    retire: RetireSettings = RetireSettings()
    apf2_quirks: bool = False
    """Rules behave as AutoPyFactory 2.4's did where it was surprising; see docs/migrating.md."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ``[wms.NAME]`` or ``[batch.NAME]``."""

    name: str
    plugin: type[Any]
    common: EndpointSettings
    settings: Settings
    """The plugin's own."""


@dataclass(frozen=True, slots=True)
class BatchEndpoint(Endpoint):
    """One ``[batch.NAME]``."""

    common: BatchEndpointSettings


@dataclass(frozen=True, slots=True)
class MonitorTarget:
    """One ``[monitor.NAME]``: a monitor elsewhere that is told of this factory."""

    name: str
    plugin: type[Any]
    common: MonitorSettings
    settings: Settings
    """The plugin's own."""

    @property
    def pilots_url(self) -> str:
        """Where pilots report to it by the monitors' protocol; empty: they do not."""
        return str(getattr(self.settings, "pilots_url", ""))


@dataclass(frozen=True, slots=True)
class NotifyTarget:
    """One ``[notify.NAME]``: a way to tell operators what is wrong."""

    name: str
    plugin: type[Any]
    common: NotifySettings
    settings: Settings
    """The plugin's own."""


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """One factory queue, ready to run."""

    name: QueueName
    settings: QueueSettings
    wms_queue: WmsQueue
    chain: tuple[ChainStep, ...]
    spec: PilotSpec
    """Placeholders filled in; its ``log_dir`` is the factory's, without day and queue."""

    def tells(self, monitor: str) -> bool:
        """Whether the ``[monitor.NAME]`` of that name is told of it."""
        return self.settings.monitors is None or monitor in self.settings.monitors

    @property
    def status_override(self) -> SiteStatus | None:
        """The site's status as the operator wants it; None: as the WMS says."""
        return SiteStatus(self.settings.status) if self.settings.status else None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration."""

    factory: FactorySettings
    wms: Mapping[str, Endpoint]
    batch: Mapping[str, BatchEndpoint]
    queues: Mapping[QueueName, QueueConfig]
    monitors: Mapping[str, MonitorTarget] = field(default_factory=dict)
    notify: Mapping[str, NotifyTarget] = field(default_factory=dict)
    notices: NoticeThresholds = field(default=NoticeThresholds())
    web: WebSettings = field(default=WebSettings())
    files: tuple[Path, ...] = field(default=())
    """What it was read from."""
    referenced: frozenset[str] = field(default=frozenset(), repr=False)
    """Strings that were kept elsewhere, in the environment or in files; never shown."""

    @property
    def factory_id(self) -> FactoryId:
        """The factory's name, as pilots are tagged with it."""
        return FactoryId(self.factory.id)
