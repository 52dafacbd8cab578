"""Pictures of specifications, and what draws them in a page."""

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


def library() -> str:
    """Return the JavaScript that draws specifications in a page: ``vegaEmbed(element, spec, options)``."""
    everything: Any = None  # which the stubs of vl_convert forget
    script: str = vl_convert.javascript_bundle(everything, vl_version=_VERSION)
    return script
