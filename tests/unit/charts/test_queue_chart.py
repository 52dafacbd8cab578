import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from autopyfactory.api import Series, SeriesPoint
from autopyfactory.charts import png_of, queue_chart, svg_of
from autopyfactory.model import Fate, QueueName

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)


def _series(*points: SeriesPoint) -> Series:
    return Series(QueueName("q"), NOW, NOW + 20 * STEP, STEP, points)


def _point(n: int, ready: float | None = 7, submitted: int = 2) -> SeriesPoint:
    return SeriesPoint(
        NOW + n * STEP, ready, pending=1, running=3, submitted=submitted, endings={Fate.WORKED: 1}
    )


def _ready(spec: Mapping[str, Any]) -> Sequence[float | None]:
    return [row["jobs ready"] for row in spec["data"]["values"] if row.get("seen")]


def test_unknown_is_a_gap_and_not_zero() -> None:
    rows = _ready(queue_chart(_series(_point(0), _point(1, ready=None), _point(2))))
    assert rows == [7, None, 7, 7, None]


def test_a_time_without_points_is_a_gap() -> None:
    rows = _ready(queue_chart(_series(_point(0), _point(1), _point(9), _point(10))))
    assert rows == [7, 7, 7, None, 7, 7, 7, None]


def test_endings_between_cycles_break_no_line_and_fill_no_gap() -> None:
    between = [SeriesPoint(NOW + n * STEP, endings={Fate.LOST: 1}, observed=False) for n in (1, 5, 6, 7)]
    points = sorted([_point(0), _point(2), *between, _point(9), _point(11)], key=lambda point: point.at)
    spec = queue_chart(_series(*points))
    assert _ready(spec) == [7, 7, 7, None, 7, 7, 7, None]
    assert sum(row.get("ended", 0) for row in spec["data"]["values"]) == 8


def test_points_that_are_always_far_apart_leave_no_gap() -> None:
    rows = _ready(queue_chart(_series(*[_point(n) for n in range(0, 20, 4)])))
    assert rows == [7] * 6 + [None]


@pytest.mark.parametrize("points", [(), (_point(0),), (_point(0, ready=None, submitted=0),)])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_drawn_however_little_there_is(points: tuple[SeriesPoint, ...], *, dark: bool) -> None:
    spec = queue_chart(_series(*points), dark=dark, width=600, title="<q>")
    assert json.loads(json.dumps(spec)) == spec
    assert png_of(spec, scale=1).startswith(b"\x89PNG")
    picture = svg_of(spec)
    assert "&lt;q&gt;" in picture
    assert ("mark-line" in picture) == (len(points) > 0)


def test_a_page_gives_the_width() -> None:
    spec = queue_chart(_series(_point(0)))
    assert spec["width"] == "container"
    assert spec["autosize"]["type"] == "fit-x"
