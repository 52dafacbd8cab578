"""What wrappers report: taken by the thousand a second, acknowledged when it is kept."""

from autopyfactory.web.reports.intake import Intake
from autopyfactory.web.reports.routes import routes

__all__ = ["Intake", "routes"]
