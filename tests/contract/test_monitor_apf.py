"""The ``apf`` monitor plugin keeps the contract of monitor plugins."""

import pytest
from monitor_world import free_port
from web_world import HandClock

from autopyfactory.api import Kind, Monitor, MonitorContext, find_plugin
from autopyfactory.model.monitor import FactoryCard
from autopyfactory.sched.message import apf2_message
from autopyfactory.testkit.monitor import MonitorContract


class TestApfMonitor(MonitorContract):
    @pytest.fixture
    def away(self) -> Monitor:
        plugin = find_plugin(Kind.MONITOR, "apf")
        settings = plugin.Settings(url=f"http://127.0.0.1:{free_port()}/api", interval_s=0.01)
        monitor: Monitor = plugin(settings, MonitorContext(FactoryCard("bnl"), [], apf2_message, HandClock()))
        return monitor
