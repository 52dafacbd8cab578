"""Figures and charts as one file of HTML that needs nothing else, and fetches nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from autopyfactory.charts.draw import library
from autopyfactory.charts.theme import DARK, LIGHT

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart of a page."""

    heading: str
    draw: Callable[[bool], Mapping[str, Any]]
    """Returns its specification, as wide as what holds it, given whether it is to be dark."""
    half: bool = False
    """Two of these stand side by side, where there is room."""


def page(
    *,
    title: str,
    subtitle: Sequence[str],
    figures: Sequence[tuple[str, str]],
    charts: Sequence[Figure],
    footer: str,
) -> str:
    """Return a page of ``figures`` (label and value) and charts, light or dark as its reader prefers."""
    return _TEMPLATES.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        figures=figures,
        charts=charts,
        footer=footer,
        light=LIGHT,
        dark=DARK,
        specs=[_both(chart) for chart in charts],
        library=Markup(library()),  # noqa: S704  (our own dependency's)
    )


def _both(chart: Figure) -> dict[str, Any]:
    light, dark = (dict(chart.draw(is_dark)) for is_dark in (False, True))
    data = light.pop("data")
    del dark["data"]
    return {"light": light, "dark": dark, "data": data}
