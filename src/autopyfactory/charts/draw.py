"""Pictures of specifications."""

from typing import Any

import altair as alt
import vl_convert

_VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
"""Of Vega-Lite, which altair writes and the converter has to read in the same way."""


def png_of(spec: dict[str, Any], scale: float = 2) -> bytes:
    """Return a chart as PNG, with ``scale`` pixels for each of its own."""
    picture: bytes = vl_convert.vegalite_to_png(vl_spec=spec, vl_version=_VERSION, scale=scale)
    return picture


def svg_of(spec: dict[str, Any]) -> str:
    """Return a chart as SVG."""
    picture: str = vl_convert.vegalite_to_svg(vl_spec=spec, vl_version=_VERSION)
    return picture
