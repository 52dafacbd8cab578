"""What is in ``contrib/`` for Prometheus and Grafana, and the names of metrics in it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from metrics_text import REPOSITORY

PROMETHEUS = REPOSITORY / "contrib/prometheus"
DASHBOARD = REPOSITORY / "contrib/grafana/autopyfactory.json"
_METRIC = re.compile(r"\b(?:apf|process)_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    """Return the alert rules."""
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def alert_tests() -> list[dict[str, Any]]:
    """Return what `promtool test rules` is to try."""
    tests: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    return tests


def dashboard() -> dict[str, Any]:
    """Return Grafana's dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def dashboard_queries() -> Iterator[str]:
    """Give every query of the dashboard, with its variables filled in as Grafana does."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            query: str = target["expr"]
            query = query.replace("$instance", ".*").replace("$queue", ".*")
            yield query.replace("$__rate_interval", "5m")


def metrics_in(query: str) -> set[str]:
    """Return the names of metrics in a query."""
    return set(_METRIC.findall(query))
