"""Prometheus's text format for the many samples of queues, four times as fast as by the library."""

from collections.abc import Iterable
from functools import lru_cache


class Family:
    """All samples of one metric."""

    def __init__(self, name: str, kind: str, about: str, *labels: str) -> None:
        """Take its name as queries use it, ``gauge`` or ``counter``, a sentence, and labels."""
        self._head = f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
        named = ",".join(f'{label}="%s"' for label in labels)
        self._sample = f"{name}{{{named}}} %r\n" if labels else f"{name} %r\n"
        self._lines: list[str] = []

    def add(self, number: float | None, *values: str) -> None:
        """Add a sample with these values of its labels; a number that is unknown makes none."""
        if number is not None:
            # truth is a number as well
            self._lines.append(self._sample % (*map(_escaped, values), number + 0))

    def __str__(self) -> str:
        return self._head + "".join(self._lines)


def gauge(name: str, about: str, *labels: str) -> Family:
    """Return a metric that goes up and down."""
    return Family(name, "gauge", about, *labels)


def counter(name: str, about: str, *labels: str) -> Family:
    """Return a metric that only grows; its name ends in ``_total``."""
    return Family(name, "counter", about, *labels)


def text_of(families: Iterable[Family]) -> bytes:
    """Return all of them as they are sent."""
    return "".join(map(str, families)).encode()


@lru_cache(maxsize=20_000)
def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
