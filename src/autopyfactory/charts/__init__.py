"""Charts as Vega-Lite specifications, and their pictures.  Nothing is fetched from anywhere.

A function takes numbers (`autopyfactory.api.Series`) and returns a specification, as a dict that is JSON:

    spec = queue_chart(series, dark=False)                # for a page: as wide as what holds it
    spec = queue_chart(series, dark=False, width=900)     # for a picture
    png_of(spec)

A page that follows the reader's preference asks for both (``dark``) and shows the one that fits.
"""

from autopyfactory.charts.draw import png_of, svg_of
from autopyfactory.charts.queue import queue_chart
from autopyfactory.charts.supply import supply_chart

__all__ = ["png_of", "queue_chart", "supply_chart", "svg_of"]
