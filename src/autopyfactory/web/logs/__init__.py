"""Pilots' logs, at the URLs that the pilots carry (``GTAG``)."""

from autopyfactory.web.logs.routes import routes

__all__ = ["routes"]
