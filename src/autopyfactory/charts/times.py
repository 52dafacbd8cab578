"""The charts of how long pilots waited, and how long they were on their nodes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from autopyfactory.api import WAIT_EDGES_S, WALL_EDGES_S, PilotTimes
from autopyfactory.charts.frame import SHORT, Width, finished
from autopyfactory.charts.theme import theme_of

_HEIGHT = 130
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def waits_chart(
    times: PilotTimes, *, dark: bool = False, width: Width = "container", title: str = ""
) -> dict[str, Any]:
    """Return how many pilots waited how long from planned to started."""
    return _chart(times.waits, WAIT_EDGES_S, dark=dark, width=width, title=title)


def walls_chart(
    times: PilotTimes, *, dark: bool = False, width: Width = "container", title: str = ""
) -> dict[str, Any]:
    """Return how many pilots were how long on their nodes."""
    return _chart(times.walls, WALL_EDGES_S, dark=dark, width=width, title=title)


def _chart(
    counts: Sequence[int], edges_s: Sequence[int], *, dark: bool, width: Width, title: str
) -> dict[str, Any]:
    theme = theme_of(dark=dark)
    names = _names(edges_s)
    axis = alt.Axis(labelAngle=-40, grid=False, labelOverlap=False)
    bars = (
        alt.Chart(height=_HEIGHT)
        .mark_bar(color=theme.times)
        .encode(
            x=alt.X("time:O", title=None, sort=names, axis=axis),
            y=alt.Y("n:Q", title="pilots", axis=alt.Axis(tickCount=4, tickMinStep=1, labelExpr=SHORT)),
            tooltip=[alt.Tooltip("time:O", title="time"), alt.Tooltip("n:Q", title="pilots", format=",")],
        )
    )
    rows = [{"time": name, "n": n} for name, n in zip(names, counts, strict=True)]
    return finished(alt.LayerChart(layer=[bars]), rows, theme, width=width, title=title)


def _names(edges_s: Sequence[int]) -> list[str]:
    between = [f"{_time(a)} – {_time(b)}" for a, b in pairwise(edges_s)]
    return [f"< {_time(edges_s[0])}", *between, f"> {_time(edges_s[-1])}"]


def _time(seconds: int) -> str:
    size, unit = next(unit for unit in _UNITS if seconds >= unit[0] and seconds % unit[0] == 0)
    return f"{seconds // size} {unit}"
