"""``/metrics`` for Prometheus: what the store says of all queues, and how this process fares."""

from autopyfactory.web.metrics.routes import routes

__all__ = ["routes"]
