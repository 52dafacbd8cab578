"""The specifications of the charts, as pages and reports get them.

After a change that is meant ``python tests/golden/test_chart_specs.py`` writes them anew: look at the
pictures.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.api import WAIT_EDGES_S, WALL_EDGES_S, PilotTimes, Series, SeriesPoint
from autopyfactory.charts import (
    endings_chart,
    factory_chart,
    png_of,
    queue_chart,
    sheet,
    svg_of,
    waits_chart,
    walls_chart,
)
from autopyfactory.model import Fate, QueueName

GOLDEN = Path(__file__).parent / "charts"
NOON, STEP = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(minutes=10)


def _series(queue: QueueName | None) -> Series:
    points = (
        SeriesPoint(NOON, 40, 5, 20.25, 12, {Fate.WORKED: 3, Fate.EMPTY: 1}),
        SeriesPoint(NOON + STEP, None, 6, 24, 3, {Fate.FAILED: 2}, unknown=1),
        SeriesPoint(NOON + 2 * STEP, 31, None, None, 0, {}),
        SeriesPoint(NOON + 8 * STEP, 12, 0, 25, 1, dict.fromkeys(Fate, 1)),
    )
    return Series(queue, NOON, NOON + 12 * STEP, STEP, points)


def _specs() -> dict[str, dict[str, Any]]:
    one, whole = _series(QueueName("AGLT2")), _series(None)
    times = PilotTimes(
        {Fate.WORKED: 9},
        tuple(range(len(WAIT_EDGES_S) + 1)),
        tuple(range(len(WALL_EDGES_S) + 1)),
        mean_wait_s=60,
        mean_wall_s=3600,
        node_s=32400,
        work_s=32400,
    )
    return {
        "queue": queue_chart(one),
        "queue-dark": queue_chart(one, dark=True, width=800, title="AGLT2"),
        "factory": factory_chart(whole),
        "endings": endings_chart(one, title="Endings"),
        "waits": waits_chart(times),
        "walls": walls_chart(times, dark=True),
        "sheet": sheet(
            [[queue_chart(one, width=600)], [waits_chart(times, width=300)]], title="AGLT2", subtitle=["2 h"]
        ),
    }


@pytest.mark.parametrize("name", list(_specs()))
def test_a_specification_is_stable(name: str) -> None:
    assert _specs()[name] == json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", list(_specs()))
def test_a_specification_is_drawn(name: str) -> None:
    spec = {key: value for key, value in _specs()[name].items() if key not in ("width", "autosize")}
    assert png_of(spec, scale=1).startswith(b"\x89PNG")
    picture = svg_of(spec)
    assert "mark-rect" in picture
    assert "href" not in picture  # nothing is fetched


if __name__ == "__main__":
    for name, spec in _specs().items():
        (GOLDEN / f"{name}.json").write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
