"""A report as a picture and as a page."""

from collections.abc import Callable
from typing import Any

from autopyfactory.charts import (
    Figure,
    endings_chart,
    factory_chart,
    page,
    png_of,
    queue_chart,
    sheet,
    svg_of,
    waits_chart,
    walls_chart,
)
from autopyfactory.cli.report.content import Report, figures

_WIDTH, _BETWEEN = 960, 84  # what stands between two charts of a row: an axis, and air
_HALF = (_WIDTH - _BETWEEN) // 2


def png(report: Report) -> bytes:
    """Return a report as PNG."""
    return png_of(_sheet(report))


def svg(report: Report) -> bytes:
    """Return a report as SVG."""
    return svg_of(_sheet(report)).encode()


def html(report: Report) -> bytes:
    """Return a report as one file of HTML that works without a network."""
    series, times = report.series, report.times
    supply = queue_chart if report.queue else factory_chart
    charts = [
        Figure("Supply", lambda dark: supply(series, dark=dark)),
        Figure("Pilots that ended", lambda dark: endings_chart(series, dark=dark)),
        Figure("From planned to started", lambda dark: waits_chart(times, dark=dark), half=True),
        Figure("Time on the node", lambda dark: walls_chart(times, dark=dark), half=True),
    ]
    text = page(
        title=report.title,
        subtitle=[report.subtitle],
        figures=figures(times),
        charts=charts,
        footer=report.footer,
    )
    return text.encode()


DRAWN: dict[str, Callable[[Report], bytes]] = {"png": png, "svg": svg, "html": html}


def _sheet(report: Report) -> dict[str, Any]:
    series, times = report.series, report.times
    supply = queue_chart if report.queue else factory_chart
    known = dict(figures(times))
    shares = [f"{name} {known[name]}" for name in ("empty share", "failure share", "mean wait")]
    rows = [
        [supply(series, width=_WIDTH)],
        [endings_chart(series, width=_WIDTH, title="Pilots that ended")],
        [
            waits_chart(times, width=_HALF, title="From planned to started"),
            walls_chart(times, width=_HALF, title="Time on the node"),
        ],
    ]
    summary = " · ".join(
        [f"{known['pilots ended']} pilots ended", *shares, f"{known['hours of work']} hours of work"]
    )
    return sheet(rows, title=report.title, subtitle=[report.subtitle, summary])
