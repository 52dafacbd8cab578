"""What wrappers report: taken by the thousand a second, acknowledged when it is kept."""

from autopyfactory.web.reports.desk import ReportDesk
from autopyfactory.web.reports.intake import Intake
from autopyfactory.web.reports.routes import routes
from autopyfactory.web.reports.shortcut import Shortcut

__all__ = ["Intake", "ReportDesk", "Shortcut", "routes"]
