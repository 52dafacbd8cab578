"""What all charts over time share: rows without false lines, an axis in UTC, texts of times."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

import altair as alt

from autopyfactory.api import Series, SeriesPoint

Row = dict[str, str | float | int | None]

GAP_STEPS = 3
"""So many usual distances without a point are a gap: nobody looked."""

WHEN = "utcFormat(toDate(datum.t), '%a %d %b %H:%M') + ' UTC'"
"""What tells the beginning of a step."""

_HOUR_OR_DAY = "utcFormat(datum.value, utchours(datum.value) + utcminutes(datum.value) ? '%H:%M' : '%d %b')"


def stamp(at: datetime) -> int:
    """Return a time as Vega has it: milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def runs(series: Series) -> Iterator[Sequence[SeriesPoint]]:
    """Yield the points that were observed, in stretches between which there is a gap."""
    points = [point for point in series.points if point.observed]
    distances = [(after.at - before.at).total_seconds() for before, after in pairwise(points)]
    usual = max(series.step.total_seconds(), median(distances)) if distances else 0
    begin = 0
    for i, distance in enumerate(distances, start=1):
        if distance >= GAP_STEPS * usual:
            yield points[begin:i]
            begin = i
    if points:
        yield points[begin:]


def time_axis(series: Series) -> alt.X:
    """Return the axis of times in UTC, over the whole window, however much of it has points."""
    # As expressions: from plain numbers Vega-Lite makes datetime(…), and the interpreter of expressions that
    # pages use takes those for years.
    since, until = [alt.ExprRef(expr=str(stamp(at))) for at in (series.since, series.until)]
    return alt.X(
        "t:T",
        title="UTC",
        scale=alt.Scale(type="utc", domainMin=since, domainMax=until),
        axis=alt.Axis(
            grid=False,
            tickCount=8,
            labelExpr=_HOUR_OR_DAY,
            labelOverlap="greedy",
            labelSeparation=12,
            titleAlign="right",
            titleAnchor="end",
        ),
    )
