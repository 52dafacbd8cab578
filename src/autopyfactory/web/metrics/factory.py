"""What is told of the factory as a whole, and of its endpoints."""

from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily

from autopyfactory.config import Config
from autopyfactory.web.metrics.reading import Reading
from autopyfactory.web.metrics.shown import Shown


def factory_metrics(reading: Reading | None, config: Config, shown: Shown) -> Iterator[Metric]:
    """Give what has no label ``queue``; ``reading`` None: the store cannot be read."""
    build = InfoMetricFamily("apf_build", "What runs here.")
    build.add_metric([], {"version": version("autopyfactory"), "factory": config.factory.id})
    yield build
    yield GaugeMetricFamily(
        "apf_store_up", "Whether the store can be read.", value=float(reading is not None)
    )
    yield GaugeMetricFamily("apf_queues", "Queues that are configured.", value=len(config.queues))
    yield GaugeMetricFamily("apf_queues_folded", "Queues that share the label other.", value=shown.folded)
    if reading is None:
        return
    age = GaugeMetricFamily("apf_last_cycle_age_seconds", "Time since the newest cycle of any queue.")
    newest = max((each.sample.at for each in reading.cycles.values()), default=None)
    if newest is not None:
        age.add_metric([], (reading.at - newest).total_seconds())
    yield age
    yield from _endpoints(reading, config)


def _endpoints(reading: Reading, config: Config) -> Iterator[Metric]:
    known = _gauge("apf_endpoint_known", "Whether it was ever asked.")
    up = _gauge("apf_endpoint_up", "Whether the last answer was a good one; no sample before the first.")
    age = _gauge("apf_endpoint_poll_age_seconds", "Time since the last good answer.")
    failures = _gauge("apf_endpoint_failures", "Failures in a row.")
    backs_off = _gauge("apf_endpoint_backing_off", "Whether it is left alone for a while after failures.")
    for name in (*(f"wms.{n}" for n in config.wms), *(f"batch.{n}" for n in config.batch)):
        health = reading.health.get(name)
        known.add_metric([name], float(health is not None))
        if health is None:
            continue
        up.add_metric([name], float(not health.error))
        failures.add_metric([name], health.failures)
        backs_off.add_metric([name], float(health.retry_at is not None and reading.at < health.retry_at))
        if health.ok_at is not None:
            age.add_metric([name], (reading.at - health.ok_at).total_seconds())
    yield from (known, up, age, failures, backs_off)


def _gauge(name: str, about: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=("endpoint",))
