"""Contracts between the rooms: protocols, errors that name the reaction, settings, the plugin registry."""

from autopyfactory.api.batch import BatchSystem
from autopyfactory.api.census import CensusStore, CycleSums, EndedPilots, NewestCycle
from autopyfactory.api.clock import Clock, SystemClock
from autopyfactory.api.deadline import Deadline, uptime_s
from autopyfactory.api.desk_store import DeskStore, EndingField, EndingGroup, Overrides
from autopyfactory.api.errors import (
    AutoPyFactoryError,
    BatchUnavailable,
    ConfigError,
    ConfigProblem,
    CredentialExpired,
    LeaseLost,
    NoRoom,
    NotifyFailed,
    PluginBroken,
    StoreRefused,
    StoreUnavailable,
    SubmitRejected,
    SubmitTooLate,
    SubmitUnknown,
    UnknownPlugin,
    WmsUnavailable,
)
from autopyfactory.api.glance import Fates, GlanceStore, HostFates
from autopyfactory.api.lease_store import Lease, Leases, LeaseStore, Limit, Terms
from autopyfactory.api.monitor import (
    FactoryListener,
    JobFilter,
    JobsAdded,
    LabelSummary,
    Monitor,
    MonitorContext,
    MonitorStore,
    WebStore,
)
from autopyfactory.api.notice_store import NoticeStore
from autopyfactory.api.notify import NoticeThresholds, Notifier, NotifySettings
from autopyfactory.api.perishable import Perishable
from autopyfactory.api.plugin import Context, Settings
from autopyfactory.api.registry import Kind, did_you_mean, find_plugin, plugin_name, plugin_names
from autopyfactory.api.rule import ChainStep, Rule, RuleSettings
from autopyfactory.api.series import (
    MAX_POINTS,
    WAIT_EDGES_S,
    WALL_EDGES_S,
    PilotTimes,
    Series,
    SeriesPoint,
    SeriesStore,
)
from autopyfactory.api.store import PilotFilter, Sample, Store, StoredTransition
from autopyfactory.api.wms import WmsStatus

__all__ = [
    "MAX_POINTS",
    "WAIT_EDGES_S",
    "WALL_EDGES_S",
    "AutoPyFactoryError",
    "BatchSystem",
    "BatchUnavailable",
    "CensusStore",
    "ChainStep",
    "Clock",
    "ConfigError",
    "ConfigProblem",
    "Context",
    "CredentialExpired",
    "CycleSums",
    "Deadline",
    "DeskStore",
    "EndedPilots",
    "EndingField",
    "EndingGroup",
    "FactoryListener",
    "Fates",
    "GlanceStore",
    "HostFates",
    "JobFilter",
    "JobsAdded",
    "Kind",
    "LabelSummary",
    "Lease",
    "LeaseLost",
    "LeaseStore",
    "Leases",
    "Limit",
    "Monitor",
    "MonitorContext",
    "MonitorStore",
    "NewestCycle",
    "NoRoom",
    "NoticeStore",
    "NoticeThresholds",
    "Notifier",
    "NotifyFailed",
    "NotifySettings",
    "Overrides",
    "Perishable",
    "PilotFilter",
    "PilotTimes",
    "PluginBroken",
    "Rule",
    "RuleSettings",
    "Sample",
    "Series",
    "SeriesPoint",
    "SeriesStore",
    "Settings",
    "Store",
    "StoreRefused",
    "StoreUnavailable",
    "StoredTransition",
    "SubmitRejected",
    "SubmitTooLate",
    "SubmitUnknown",
    "SystemClock",
    "Terms",
    "UnknownPlugin",
    "WebStore",
    "WmsStatus",
    "WmsUnavailable",
    "did_you_mean",
    "find_plugin",
    "plugin_name",
    "plugin_names",
    "uptime_s",
]
