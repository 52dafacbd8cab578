"""Fetches a file from the first of several places that has it as it should be."""

import hashlib
import os
from typing import List, Sequence

from autopyfactory.wrapper.ending import Backoff, Ending
from autopyfactory.wrapper.errors import Unanswered
from autopyfactory.wrapper.talk import debug, info
from autopyfactory.wrapper.web import HTTP_TIMEOUT_S, TROUBLE, opener, told

MAX_BYTES = 1 << 30
ROUNDS = 3


def fetch(urls: Sequence[str], sha256: str, path: str, ending: Ending) -> None:
    """Write the file to ``path``; raises `Unanswered` where no place has it with that checksum.

    Each place is tried, and all of them again, with pauses between.
    """
    backoff = Backoff()
    problems: List[str] = []
    for turn in range(ROUNDS):
        problems = []
        for url in urls:
            try:
                found = _download(url, path)
            except TROUBLE as error:
                problems.append("%s: %s" % (url, told(error)))
            else:
                if found == sha256:
                    info("fetched %s, checksum right" % url)
                    return
                problems.append("%s: its checksum is %s, not %s" % (url, found, sha256))
            debug(problems[-1])
        if ending.signal or turn == ROUNDS - 1:
            break
        ending.pause(backoff.next())
    if os.path.exists(path):
        os.remove(path)
    raise Unanswered("cannot be fetched: %s" % "; ".join(problems))


def _download(url: str, path: str) -> str:
    """Return the checksum of what was written; raises `TROUBLE`."""
    digest = hashlib.sha256()
    left = MAX_BYTES
    with opener(url, redirects=True).open(url, timeout=HTTP_TIMEOUT_S) as response, open(path, "wb") as file:
        for part in iter(lambda: response.read(1 << 16), b""):
            left -= len(part)
            if left < 0:
                raise ValueError("larger than %d bytes" % MAX_BYTES)
            digest.update(part)
            file.write(part)
    return digest.hexdigest()
