"""Spans of time as people say them."""

UNITS = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))
"""Their names and their seconds, the longest first."""


def duration(seconds: float) -> str:
    """Return ``4 s``, ``3 min``, ``2 h`` or ``5 d``: whole units, rounded down."""
    for unit, size in UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"
