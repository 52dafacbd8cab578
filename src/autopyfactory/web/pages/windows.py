"""How far back a page looks, by what its URL says."""

from datetime import timedelta
from typing import Literal

WINDOWS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
Window = Literal["1h", "6h", "24h", "7d", "30d"]
"""For charts."""
Recent = Literal["1h", "6h", "24h", "7d"]
"""For what is counted pilot by pilot."""
RECENT = tuple(WINDOWS)[:-1]
