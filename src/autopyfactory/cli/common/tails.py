"""The end of a file, found without reading the rest."""

import os
from typing import IO

_BLOCK = 64 * 1024


def seek_lines(stream: IO[bytes], lines: int) -> None:
    """Go to where the last so many lines begin; to the beginning where there are no more than that.

    Reads backwards, block by block, no further than needed.
    """
    end = at = stream.seek(0, os.SEEK_END)
    wanted = lines
    while at and lines:
        size = min(_BLOCK, at)
        stream.seek(at - size)
        block = stream.read(size)
        if at == end and block.endswith(b"\n"):
            wanted += 1  # the line break at the very end begins no line
        found = block.count(b"\n")
        if found >= wanted:
            stream.seek(at - len(block.split(b"\n", found - wanted + 1)[-1]))
            return
        wanted -= found
        at -= size
    stream.seek(0 if lines else end)
