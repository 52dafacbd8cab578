"""TOML files and directories to one frozen, validated tree; all errors at once, with file and key."""

from autopyfactory.config.diff import Diff, diff, diff_snapshots
from autopyfactory.config.load import load, load_chains
from autopyfactory.config.show import show
from autopyfactory.config.snapshot import Snapshot
from autopyfactory.config.starter import starter
from autopyfactory.config.tree import (
    BatchEndpoint,
    BatchEndpointSettings,
    Config,
    Endpoint,
    EndpointSettings,
    FactorySettings,
    LifeSettings,
    MonitorSettings,
    MonitorTarget,
    NotifyTarget,
    PilotSettings,
    QueueConfig,
    QueueSettings,
    RetireSettings,
)
from autopyfactory.config.web import WebSettings

__all__ = [
    "BatchEndpoint",
    "BatchEndpointSettings",
    "Config",
    "Diff",
    "Endpoint",
    "EndpointSettings",
    "FactorySettings",
    "LifeSettings",
    "MonitorSettings",
    "MonitorTarget",
    "NotifyTarget",
    "PilotSettings",
    "QueueConfig",
    "QueueSettings",
    "RetireSettings",
    "Snapshot",
    "WebSettings",
    "diff",
    "diff_snapshots",
    "load",
    "load_chains",
    "show",
    "starter",
]
