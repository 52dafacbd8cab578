"""The charts of a queue and of a whole factory: what waits and runs, and below what was done about it."""

from typing import Any

import altair as alt

from autopyfactory.api import Series, SeriesPoint
from autopyfactory.charts.frame import SHORT, Width, finished
from autopyfactory.charts.theme import Theme, theme_of
from autopyfactory.charts.timeline import WHEN, Row, runs, stamp, time_axis

_ABOVE, _BETWEEN, _BELOW = 210, 34, 96
_HEIGHT = _ABOVE + _BETWEEN + _BELOW
_GAUGES = {"ready": "jobs ready", "pending": "pilots pending", "running": "pilots running"}
_PILOTS = [label for name, label in _GAUGES.items() if name != "ready"]
_COUNTERS = {"submitted": "submitted", "ended": "ended"}
_UNKNOWN = "queues unknown"


def queue_chart(
    series: Series, *, dark: bool = False, width: Width = "container", title: str = ""
) -> dict[str, Any]:
    """Return jobs that wait and pilots that wait and run, and below pilots submitted and ended.

    Both share one view, so that their times are aligned and the page gives the width.  Unknown is a gap.
    """
    return _chart(series, dark=dark, width=width, title=title, stacked=False)


def factory_chart(
    series: Series, *, dark: bool = False, width: Width = "container", title: str = ""
) -> dict[str, Any]:
    """Return the same of all queues together: pilots that wait are stacked on those that run."""
    return _chart(series, dark=dark, width=width, title=title, stacked=True)


def _chart(series: Series, *, dark: bool, width: Width, title: str, stacked: bool) -> dict[str, Any]:
    theme = theme_of(dark=dark)
    above = _gauges(series, theme, stacked=stacked)
    chart = alt.LayerChart(
        layer=[above, _counters(series, theme), _hover(series, theme)], height=_HEIGHT
    ).resolve_scale(y="independent")
    return finished(chart, _rows(series), theme, width=width, title=title)


def _rows(series: Series) -> list[Row]:
    rows = [_row(point, series) for point in series.points if not point.observed]
    for run in runs(series):
        rows += [_row(point, series) | {"seen": 1} for point in run]
        # a step lasts until its end, and what comes after it is not known
        end = stamp(run[-1].at + series.step)
        rows.append({"t": end, "seen": 1, **{label: rows[-1][label] for label in _GAUGES.values()}})
        rows.append({"t": end, "seen": 1, **dict.fromkeys(_GAUGES.values())})
    return rows


def _row(point: SeriesPoint, series: Series) -> Row:
    row = {
        "t": stamp(point.at),
        "to": stamp(point.at + series.step),
        **{label: _rounded(getattr(point, name)) for name, label in _GAUGES.items()},
        **{label: getattr(point, name) for name, label in _COUNTERS.items()},
    }
    return row if series.queue else row | {_UNKNOWN: point.unknown}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def _colour(theme: Theme) -> alt.Color:
    both = _GAUGES | _COUNTERS
    scale = alt.Scale(domain=list(both.values()), range=[getattr(theme, name) for name in both])
    return alt.Color("what:N", scale=scale, legend=alt.Legend(symbolType="stroke", symbolOpacity=1))


def _gauges(series: Series, theme: Theme, *, stacked: bool) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, _top(series, stacked=stacked)], nice=True, range=[_ABOVE, 0])
    axis = alt.Axis(title="jobs, pilots", orient="left", tickCount=5, labelExpr=SHORT, tickMinStep=1)
    base = alt.Chart().encode(
        x=time_axis(series), y=alt.Y("n:Q", scale=scale, axis=axis, stack=False), color=_colour(theme)
    )
    areas = base.transform_filter(alt.FieldOneOfPredicate(field="what", oneOf=_PILOTS))
    lines = base.mark_line(interpolate="step-after", strokeWidth=2)
    if stacked:
        areas = areas.mark_area(interpolate="step-after", opacity=0.55).encode(
            y=alt.Y("n:Q", scale=scale, axis=axis, stack="zero"), order=alt.Order("what:N", sort="descending")
        )
        lines = lines.transform_filter(alt.FieldEqualPredicate(field="what", equal=_GAUGES["ready"]))
    else:
        areas = areas.mark_area(interpolate="step-after", opacity=0.14)
    return (
        alt.LayerChart(layer=[areas, lines])
        .transform_filter("datum.seen")
        .transform_fold(list(_GAUGES.values()), as_=["what", "n"])
    )


def _top(series: Series, *, stacked: bool) -> float:
    tops = [1.0]
    for point in series.points:
        pilots = (point.pending or 0, point.running or 0)
        tops += [point.ready or 0, sum(pilots) if stacked else max(pilots)]
    return max(tops)


def _counters(series: Series, theme: Theme) -> alt.LayerChart:
    top = max([1, *[max(point.submitted, point.ended) for point in series.points]])
    scale = alt.Scale(domain=[-top, top], nice=True, range=[_HEIGHT, _HEIGHT - _BELOW])
    axis = alt.Axis(title="per step", orient="left", tickCount=3, tickMinStep=1, labelExpr=SHORT)
    bars = (
        alt.Chart()
        .mark_rect()  # a bar with four given edges
        .encode(
            x=time_axis(series),
            x2="to:T",
            y=alt.Y("n:Q", scale=scale, axis=axis),
            y2=alt.Y2Datum(0),
            color=_colour(theme),
        )
    )
    return (
        alt.LayerChart(layer=[bars])
        .transform_filter("isValid(datum.to)")
        .transform_fold(list(_COUNTERS.values()), as_=["what", "n"])
        .transform_calculate(n=f"datum.what == '{_COUNTERS['ended']}' ? -datum.n : datum.n")
    )


def _hover(series: Series, theme: Theme) -> alt.LayerChart:
    near = alt.selection_point(
        name="near", on="mouseover", clear="mouseout", nearest=True, fields=["t"], empty=False
    )
    labels = [*_GAUGES.values(), *_COUNTERS.values(), *([] if series.queue else [_UNKNOWN])]
    rule = (
        alt.Chart()
        .mark_rule(color=theme.faint)
        .encode(
            x=time_axis(series),
            opacity=alt.condition(near, alt.value(0.6), alt.value(0)),
            tooltip=[
                alt.Tooltip("when:N", title="from"),
                *[alt.Tooltip(f"{label}:Q", title=label, format=",") for label in labels],
            ],
        )
        .add_params(near)
    )
    return alt.LayerChart(layer=[rule]).transform_filter("isValid(datum.to)").transform_calculate(when=WHEN)
