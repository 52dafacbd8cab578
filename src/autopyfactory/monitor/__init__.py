"""Monitor plugins: what tells a monitor elsewhere of this factory."""

from autopyfactory.monitor.apf import ApfMonitor

__all__ = ["ApfMonitor"]
