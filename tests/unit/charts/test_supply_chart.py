import json
from datetime import UTC, datetime, timedelta

from autopyfactory.api import Sample
from autopyfactory.charts import png_of, supply_chart
from autopyfactory.model import JobCounts, PilotCounts, QueueName

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_chart_leaves_a_gap_where_a_number_is_unknown() -> None:
    samples = [
        Sample(
            NOW + timedelta(seconds=second),
            QueueName("q"),
            JobCounts(0, 9 - second, 2) if second != 4 else JobCounts(),
            PilotCounts(pending=1, running=2) if second != 4 else None,
            0,
            0,
        )
        for second in range(9)
    ]
    chart = supply_chart(samples, NOW, title="T", subtitle=["S"], slots=8)
    spec = json.dumps(chart)
    assert '{"t": 4.0, "n": null, "series": "ready", "order": 1}' in spec
    assert '"n": 0' not in spec
    assert png_of(chart).startswith(b"\x89PNG")


def test_a_chart_of_nothing_is_drawn_all_the_same() -> None:
    assert png_of(supply_chart([], NOW, title="T", subtitle=[], slots=1)).startswith(b"\x89PNG")
