"""Contracts between the rooms: protocols, errors that name the reaction, settings, the plugin registry."""

from autopyfactory.api.batch import BatchSystem
from autopyfactory.api.clock import Clock, SystemClock
from autopyfactory.api.desk_store import DeskStore, EndingField, EndingGroup, Overrides
from autopyfactory.api.errors import (
    AutoPyFactoryError,
    BatchUnavailable,
    ConfigError,
    ConfigProblem,
    CredentialExpired,
    NotifyFailed,
    PluginBroken,
    StoreRefused,
    StoreUnavailable,
    SubmitRejected,
    SubmitUnknown,
    UnknownPlugin,
    WmsUnavailable,
)
from autopyfactory.api.notify import NoticeThresholds, Notifier, NotifySettings
from autopyfactory.api.plugin import Context, Settings
from autopyfactory.api.registry import Kind, did_you_mean, find_plugin, plugin_name, plugin_names
from autopyfactory.api.rule import ChainStep, Rule, RuleSettings
from autopyfactory.api.store import PilotFilter, Sample, Store, StoredTransition
from autopyfactory.api.wms import WmsStatus

__all__ = [
    "AutoPyFactoryError",
    "BatchSystem",
    "BatchUnavailable",
    "ChainStep",
    "Clock",
    "ConfigError",
    "ConfigProblem",
    "Context",
    "CredentialExpired",
    "DeskStore",
    "EndingField",
    "EndingGroup",
    "Kind",
    "NoticeThresholds",
    "Notifier",
    "NotifyFailed",
    "NotifySettings",
    "Overrides",
    "PilotFilter",
    "PluginBroken",
    "Rule",
    "RuleSettings",
    "Sample",
    "Settings",
    "Store",
    "StoreRefused",
    "StoreUnavailable",
    "StoredTransition",
    "SubmitRejected",
    "SubmitUnknown",
    "SystemClock",
    "UnknownPlugin",
    "WmsStatus",
    "WmsUnavailable",
    "did_you_mean",
    "find_plugin",
    "plugin_name",
    "plugin_names",
]
