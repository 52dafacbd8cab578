"""Dashboard, REST API, wrappers' reports, logs; reads through the store, acts through its overrides."""

from autopyfactory.web.access import digest, new_token
from autopyfactory.web.app import create_app
from autopyfactory.web.context import WebContext
from autopyfactory.web.monitor import create_monitor_app
from autopyfactory.web.timings import Timings

__all__ = ["Timings", "WebContext", "create_app", "create_monitor_app", "digest", "new_token"]
