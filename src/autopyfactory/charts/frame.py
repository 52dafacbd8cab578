"""The last step of every chart: its data, its width, its title, its theme."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import altair as alt

from autopyfactory.charts.theme import Theme, configuration

SCHEMA = alt.SCHEMA_URL
"""What the specifications are written in."""

SHORT = "datum.value % 1 ? '' : format(abs(datum.value), '~s')"
"""How counts are written at an axis: 1.5k for 1,500, and nothing for halves."""

Width: TypeAlias = int | Literal["container"]
"""In pixels, or as wide as what holds the chart in a page."""


def finished(
    chart: alt.LayerChart | alt.Chart,
    rows: Sequence[Mapping[str, object]],
    theme: Theme,
    *,
    width: Width,
    title: str,
) -> dict[str, Any]:
    """Return the specification of a chart of these rows."""
    fit = alt.AutoSizeParams(type="fit-x" if width == "container" else "pad", contains="padding")
    # without a name altair gives each layer empty data of its own
    named = chart.properties(data=alt.NamedData(name="rows"))
    sized = named.properties(width=width, autosize=fit, config=configuration(theme))
    spec: dict[str, Any] = (sized.properties(title=title) if title else sized).to_dict()
    # put in last: altair would check each row by itself
    return spec | {"data": {"values": list(rows)}}
