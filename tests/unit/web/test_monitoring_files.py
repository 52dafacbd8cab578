"""Alert rules and dashboard name nothing but metrics that exist, and every alert is tried both ways."""

import re
from collections import Counter

import pytest
from metrics_text import REPOSITORY, family
from monitoring_files import alert_tests, alerts, dashboard, dashboard_queries, metrics_in

QUERIES = [*(rule["expr"] for rule in alerts()), *dashboard_queries()]


@pytest.fixture(scope="module")
def documented() -> dict[str, str]:
    """Return the type of every metric by its name, as the reference has it: another test holds it true."""
    page = (REPOSITORY / "docs/reference/metrics.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_in_a_query_exists(query: str, documented: dict[str, str]) -> None:
    unknown = {name for name in metrics_in(query) if family(name, documented) not in documented}
    assert not unknown
    assert metrics_in(query) or "up{" in query


def test_every_alert_is_seen_to_fire_and_to_be_quiet() -> None:
    names = [rule["alert"] for rule in alerts()]
    tried = Counter(
        (rule["alertname"], bool(rule["exp_alerts"]))
        for test in alert_tests()
        for rule in test["alert_rule_test"]
    )
    assert set(tried) == {(name, fires) for name in names for fires in (True, False)}


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["for"]


def test_the_how_to_has_every_alert_and_no_other() -> None:
    page = (REPOSITORY / "docs/how-to/monitoring.md").read_text()
    durations = dict(re.findall(r"^\| `(Apf\w+)` \| .* \| (.+) \|$", page, re.MULTILINE))
    assert durations == {
        rule["alert"]: rule["for"].replace("m", " min").replace("h", " h") for rule in alerts()
    }


def test_the_dashboard_is_whole() -> None:
    found = dashboard()
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert {variable["name"] for variable in found["templating"]["list"]} == {
        "datasource",
        "instance",
        "queue",
    }
