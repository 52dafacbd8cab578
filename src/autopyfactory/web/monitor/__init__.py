"""The monitors' protocol, as wrappers, Harvester and APF 2 speak it: docs/reference/monitor.md."""

from autopyfactory.web.monitor.app import create_monitor_app
from autopyfactory.web.monitor.routes import routes
from autopyfactory.web.monitor.running import running

__all__ = ["create_monitor_app", "routes", "running"]
