"""The lookup table: what a pilot runs, by its VO, purpose, grid, WMS queue and batch queue.

Each line has eight words: VO PURPOSE GRID WMSQUEUE BATCHQUEUE PLUGIN PILOTCODE PILOTCODEURL.  In the first
five ``*`` stands for anything, ``+`` for anything that is told, and ``*`` within a word for any characters;
in the last two ``-`` is nothing.  The first line that fits decides.  Empty lines, and those that begin with
``#``, are passed over.
"""

import fnmatch
from typing import List, NamedTuple, Optional, Tuple

from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.web import HTTP_TIMEOUT_S, TROUBLE, opener, told

COLUMNS = ("VO", "PURPOSE", "GRID", "WMSQUEUE", "BATCHQUEUE", "PLUGIN", "PILOTCODE", "PILOTCODEURL")
KEYS = 5
MAX_BYTES = 1 << 20


class Row(NamedTuple):
    """What a line chooses."""

    keys: Tuple[str, ...]
    plugin: str
    pilot: str
    url: str


def read_table(place: str) -> List[Row]:
    """Read the table from a file or a URL; raises `UsageError`."""
    try:
        if "://" in place:
            with opener(place, redirects=True).open(place, timeout=HTTP_TIMEOUT_S) as response:
                text = response.read(MAX_BYTES).decode("utf-8")
        else:
            with open(place, encoding="utf-8") as file:
                text = file.read(MAX_BYTES)
    except TROUBLE as error:
        raise UsageError("--lookup %s: %s" % (place, told(error))) from error
    return rows_of(text, place)


def rows_of(text: str, place: str) -> List[Row]:
    """Read the table's lines; raises `UsageError`."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != len(COLUMNS):
            said = "expected %d words (%s), got %d" % (len(COLUMNS), " ".join(COLUMNS), len(words))
            raise UsageError("--lookup %s line %d: %s" % (place, number, said))
        plugin, pilot, url = ("" if word == "-" else word for word in words[KEYS:])
        rows.append(Row(tuple(words[:KEYS]), plugin, pilot, url))
    return rows


def look_up(rows: List[Row], values: Tuple[str, ...]) -> Optional[Row]:
    """Return the first row that fits the five values, None if none does."""
    for row in rows:
        if all(_fits(row.keys[n], values[n]) for n in range(KEYS)):
            return row
    return None


def _fits(pattern: str, value: str) -> bool:
    return bool(value) if pattern == "+" else fnmatch.fnmatchcase(value, pattern)
