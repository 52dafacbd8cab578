"""Several charts as one picture."""

from collections.abc import Mapping, Sequence
from typing import Any

from autopyfactory.charts.frame import SCHEMA
from autopyfactory.charts.theme import configuration, theme_of

_TITLE = {"fontSize": 21, "subtitleFontSize": 13, "subtitlePadding": 6, "offset": 20}
_APART = {"scale": {"color": "independent"}}
_SPACING = 36
_OF_THE_WHOLE = ("$schema", "config", "autosize")


def sheet(
    rows: Sequence[Sequence[Mapping[str, Any]]], *, title: str, subtitle: Sequence[str], dark: bool = False
) -> dict[str, Any]:
    """Return one specification of charts in rows, made with a ``width`` in pixels and the same ``dark``."""
    config = configuration(theme_of(dark=dark)).to_dict()
    config["legend"]["columns"] = 6  # the whole has no width of its own to look at
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": list(subtitle), **_TITLE},
        "config": config,
        "padding": {"left": 24, "right": 28, "top": 22, "bottom": 20},
        "spacing": _SPACING,
        "resolve": _APART,
        "vconcat": [
            {"hconcat": [_part(chart) for chart in row], "spacing": _SPACING, "resolve": _APART}
            for row in rows
        ],
    }


def _part(chart: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in chart.items() if key not in _OF_THE_WHOLE}
