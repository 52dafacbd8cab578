"""Charts as Vega-Lite specifications, and their pictures.  Nothing is fetched from anywhere.

A function takes numbers (`autopyfactory.api.Series` and `PilotTimes`, as the store tells them) and returns a
specification, as a dict that is JSON:

    spec = queue_chart(await store.series(since, until, queue))       # for a page: as wide as what holds it
    spec = queue_chart(series, dark=True, width=900)                  # for a picture
    png_of(spec)

A page that follows the reader's preference asks for both (``dark``) and shows the one that fits.
"""

from autopyfactory.charts.draw import library, png_of, svg_of
from autopyfactory.charts.endings import endings_chart
from autopyfactory.charts.page import Figure, page
from autopyfactory.charts.queue import factory_chart, queue_chart
from autopyfactory.charts.sheet import sheet
from autopyfactory.charts.supply import supply_chart
from autopyfactory.charts.times import waits_chart, walls_chart

__all__ = [
    "Figure",
    "endings_chart",
    "factory_chart",
    "library",
    "page",
    "png_of",
    "queue_chart",
    "sheet",
    "supply_chart",
    "svg_of",
    "waits_chart",
    "walls_chart",
]
