"""The chart of one short run: jobs, and the pilots that were started for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import altair as alt

from autopyfactory.api import Sample
from autopyfactory.charts.theme import LIGHT, configuration

_WIDTH, _HEIGHT = 820, 190
_TIME = alt.X(
    "t:Q",
    title="seconds since the start",
    axis=alt.Axis(grid=False, tickCount=10),
    scale=alt.Scale(nice=False),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: the name of its number, how it is called, its colour."""

    name: str
    label: str
    colour: str


JOBS = (Curve("jobs_running", "running", "#5b8fc0"), Curve("jobs_ready", "ready", LIGHT.ready))
PILOTS = (
    Curve("pilots_running", "running", LIGHT.running),
    Curve("pilots_waiting", "pending", LIGHT.pending),
)


def supply_chart(
    samples: Sequence[Sample], start: datetime, *, title: str, subtitle: Sequence[str], slots: int
) -> dict[str, Any]:
    """Return jobs (above) and pilots (below) of one queue over time.

    A moment at which a number was unknown leaves a gap; it is not drawn as zero.
    """
    points = [_point(sample, start) for sample in samples]
    jobs = _panel(points, JOBS, "jobs", with_time=False)
    limit = _slots_line(slots, points[-1]["t"] if points else 0)
    pilots = alt.LayerChart(layer=[_panel(points, PILOTS, "pilots", with_time=True), limit])
    spec: dict[str, Any] = (
        alt.vconcat(jobs, pilots, spacing=26)
        .resolve_scale(x="shared", color="independent")
        .properties(
            title=alt.TitleParams(
                title, subtitle=list(subtitle), fontSize=19, subtitleFontSize=13, offset=16
            ),
            padding={"left": 18, "right": 24, "top": 18, "bottom": 14},
            config=configuration(LIGHT),
        )
        .to_dict()
    )
    return spec


def _point(sample: Sample, start: datetime) -> dict[str, float | int | None]:
    pilots = sample.pilots
    return {
        "t": round((sample.at - start).total_seconds(), 2),
        "jobs_ready": sample.jobs.ready,
        "jobs_running": sample.jobs.running,
        "pilots_waiting": None if pilots is None else pilots.waiting,
        "pilots_running": None if pilots is None else pilots.running,
    }


def _panel(
    points: Iterable[Mapping[str, float | int | None]],
    series: Sequence[Curve],
    what: str,
    *,
    with_time: bool,
) -> alt.LayerChart:
    rows = [
        {"t": point["t"], "n": point[curve.name], "series": curve.label, "order": order}
        for point in points
        for order, curve in enumerate(series)
    ]
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=[s.label for s in series], range=[s.colour for s in series]),
        legend=None,
    )
    time = _TIME if with_time else _TIME.title(None)
    base = alt.Chart(alt.InlineData(values=rows), width=_WIDTH, height=_HEIGHT).encode(
        x=time, y=alt.Y("n:Q", title=what, axis=alt.Axis(tickCount=5)), color=colour
    )
    area = base.mark_area(interpolate="step-after", opacity=0.16).encode(y=alt.Y("n:Q", stack=False))
    line = base.mark_line(interpolate="step-after", strokeWidth=2.4)
    return alt.LayerChart(layer=[area, line, _labels(rows, series)])


def _labels(rows: Sequence[Mapping[str, object]], series: Sequence[Curve]) -> alt.LayerChart:
    """Return each curve's name, written beside its peak: no legend to look up."""
    texts = []
    for curve in series:
        own = [row for row in rows if row["series"] == curve.label and isinstance(row["n"], int)]
        if not own:
            continue
        peak = max(own, key=lambda row: int(str(row["n"])))
        at = {"t": peak["t"], "n": peak["n"], "text": curve.label}
        texts.append(
            alt.Chart(alt.InlineData(values=[at]))
            .mark_text(
                align="left", baseline="bottom", dx=6, dy=-4, fontSize=13, fontWeight=600, color=curve.colour
            )
            .encode(x="t:Q", y="n:Q", text="text:N")
        )
    return alt.LayerChart(layer=texts)


def _slots_line(slots: int, end: float | int | None) -> alt.LayerChart:
    rule = (
        alt.Chart(alt.InlineData(values=[{"n": slots}]))
        .mark_rule(strokeDash=[4, 4], color=LIGHT.faint)
        .encode(y="n:Q")
    )
    text = (
        alt.Chart(alt.InlineData(values=[{"n": slots, "t": end, "text": f"{slots} slots"}]))
        .mark_text(align="right", baseline="bottom", dy=-4, fontSize=12, color=LIGHT.faint)
        .encode(x="t:Q", y="n:Q", text="text:N")
    )
    return alt.LayerChart(layer=[rule, text])
