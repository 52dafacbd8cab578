"""Versions of a pilot: what is fetched from where, how it is checked, and which share runs it."""

import random
import re
import urllib.parse
from typing import Dict, List, NamedTuple, Tuple

from autopyfactory.wrapper.errors import UsageError

SCHEMES = ("http", "https", "file")
_SHA256 = re.compile("[0-9a-f]{64}")


class Version(NamedTuple):
    """One file, under several URLs."""

    sha256: str
    share: float
    urls: Tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return urllib.parse.unquote(urllib.parse.urlsplit(self.urls[0]).path.rpartition("/")[2]) or "pilot"


def read_versions(names: str, urls: str) -> List[Version]:
    """Read what ``--wrapperpilotcode`` and ``--wrapperpilotcodeurl`` say; raises `UsageError`.

    Both are lists with commas.  With names, each URL is a base below which every name is found; without, each
    URL is a whole file.  A name or whole URL ends in ``#sha256=HEX``, and may add ``&share=PERCENT``.  Whole
    URLs with the same checksum are one version in several places.
    """
    bases = [url for url in _words(urls) if url]
    if names:
        if not bases:
            raise UsageError("--wrapperpilotcode needs --wrapperpilotcodeurl: where is it found?")
        places = [
            ([base.rstrip("/") + "/" + urllib.parse.quote(name) for base in bases], marks)
            for name, marks in map(_marked, _words(names))
        ]
    else:
        places = [([url], marks) for url, marks in map(_marked, bases)]
    found: Dict[str, Version] = {}
    for located, marks in places:
        sha256 = marks.get("sha256", "").lower()
        if not _SHA256.match(sha256) or len(sha256) != 64:
            raise UsageError("%s: add #sha256= and its 64 digits; nothing is run unchecked" % located[0])
        for url in located:
            if urllib.parse.urlsplit(url).scheme not in SCHEMES:
                raise UsageError("%s: expected a URL that begins with %s" % (url, ", ".join(SCHEMES)))
        known = found.get(sha256)
        share = known.share if known else _share(marks.get("share", "100"), located[0])
        found[sha256] = Version(sha256, share, (known.urls if known else ()) + tuple(located))
    versions = list(found.values())
    if not versions:
        raise UsageError("--wrapperplugin pilot needs --wrapperpilotcodeurl")
    if not sum(version.share for version in versions) > 0:
        raise UsageError("the shares of all versions of the pilot are 0")
    return versions


def choose(versions: List[Version]) -> Version:
    """Return one of them by chance, each as often as its share says."""
    return random.choices(versions, [version.share for version in versions])[0]


def _words(text: str) -> List[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _marked(text: str) -> Tuple[str, Dict[str, str]]:
    """Part what is before ``#`` from what is said there."""
    plain, _, marks = text.partition("#")
    return plain, dict(urllib.parse.parse_qsl(marks))


def _share(text: str, where: str) -> float:
    try:
        share = float(text.rstrip("%"))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise UsageError("%s: expected a share from 0 to 100, got %r" % (where, text))
    return share
