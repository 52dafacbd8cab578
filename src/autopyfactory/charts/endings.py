"""The chart of endings: how many pilots ended over time, by what became of them."""

from typing import Any

import altair as alt

from autopyfactory.api import Series
from autopyfactory.charts.frame import SHORT, Width, finished
from autopyfactory.charts.theme import Theme, theme_of
from autopyfactory.charts.timeline import WHEN, Row, stamp, time_axis
from autopyfactory.model import Fate

_HEIGHT = 150


def endings_chart(
    series: Series, *, dark: bool = False, width: Width = "container", title: str = ""
) -> dict[str, Any]:
    """Return bars of pilots that ended, stacked by what became of them, those that worked at the bottom."""
    theme = theme_of(dark=dark)
    axis = alt.Axis(tickCount=4, tickMinStep=1, labelExpr=SHORT)
    bars = (
        alt.Chart(height=_HEIGHT)
        .mark_rect()  # a bar with four given edges
        .encode(
            x=time_axis(series),
            x2="to:T",
            y=alt.Y("below:Q", title="pilots ended", axis=axis),
            y2="above:Q",
            color=alt.Color("fate:N", scale=_colours(theme)),
            tooltip=[
                alt.Tooltip("when:N", title="from"),
                alt.Tooltip("fate:N", title="ended"),
                alt.Tooltip("n:Q", title="pilots", format=","),
            ],
        )
        .transform_calculate(when=WHEN)
    )
    return finished(alt.LayerChart(layer=[bars]), _rows(series), theme, width=width, title=title)


def _colours(theme: Theme) -> alt.Scale:
    colours = [getattr(theme, fate.name.lower()) for fate in Fate]
    return alt.Scale(domain=[str(fate) for fate in Fate], range=colours)


def _rows(series: Series) -> list[Row]:
    rows: list[Row] = []
    for point in series.points:
        below = 0
        for fate in Fate:
            if n := point.endings.get(fate, 0):
                edges = {"t": stamp(point.at), "to": stamp(point.at + series.step)}
                rows.append({**edges, "fate": str(fate), "n": n, "below": below, "above": below + n})
                below += n
    return rows
