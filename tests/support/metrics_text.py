"""What ``/metrics`` says, parsed."""

from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

REPOSITORY = Path(__file__).parents[2]
_PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Scrape:
    """One text."""

    types: dict[str, str]
    """Of every metric that it declares, by the name that queries use."""
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float | None:
        """Return one number; None where there is no sample."""
        return self.samples.get((name, frozenset(labels.items())))

    def labelled(self, name: str, label: str) -> dict[str, float]:
        """Return the samples of a metric that has but this label."""
        return {dict(labels)[label]: value for (of, labels), value in self.samples.items() if of == name}


def parsed(text: str) -> Scrape:
    """Return what a text says; every sample is there but once."""
    types: dict[str, str] = {}
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        assert name not in types
        types[name] = family.type
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples, key
            samples[key] = sample.value
    return Scrape(types, samples)


def family(name: str, types: dict[str, str]) -> str:
    """Return the metric that a name in a query belongs to: a histogram has several such names."""
    for part in _PARTS:
        if name.endswith(part) and types.get(name.removesuffix(part)) == "histogram":
            return name.removesuffix(part)
    return name
