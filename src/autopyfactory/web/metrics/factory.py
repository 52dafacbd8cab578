"""What is told of the factory as a whole, and of its endpoints."""

from collections.abc import Iterator
from importlib.metadata import version

from autopyfactory.config import Config
from autopyfactory.model import NoticeKind
from autopyfactory.web.metrics.reading import STALE_MARGIN_S, STALE_TIMES, Reading
from autopyfactory.web.metrics.shown import Shown
from autopyfactory.web.metrics.text import Family, gauge


def factory_metrics(reading: Reading | None, config: Config, shown: Shown) -> Iterator[Family]:
    """Give what has no label ``queue``; ``reading`` None: the store cannot be read."""
    build = gauge("apf_build_info", "What runs here.", "factory", "version")
    build.add(1, config.factory.id, version("autopyfactory"))
    store = gauge("apf_store_up", "Whether the store can be read.")
    store.add(reading is not None)
    queues = gauge("apf_queues", "Queues that are configured.")
    queues.add(len(config.queues))
    folded = gauge("apf_queues_folded", "Queues that share the label other.")
    folded.add(shown.folded)
    yield from (build, store, queues, folded)
    if reading is None:
        return
    age = gauge("apf_last_cycle_age_seconds", "Time since the newest cycle of any queue.")
    newest = max((each.sample.at for each in reading.cycles.values()), default=None)
    age.add((reading.at - newest).total_seconds() if newest else None)
    yield age
    yield from _notices(reading, config)
    yield from _endpoints(reading, config)


def _notices(reading: Reading, config: Config) -> Iterator[Family]:
    known = gauge("apf_notices_known", "Whether somebody looks at what is wrong.")
    notices = gauge("apf_notices", "Things that are wrong at present, as operators are told.", "kind")
    look, limit_s = reading.look, STALE_TIMES * config.notices.interval_s + STALE_MARGIN_S
    fresh = look.at is not None and (reading.at - look.at).total_seconds() <= limit_s
    known.add(fresh)
    for kind in NoticeKind if fresh else ():
        notices.add(sum(notice.kind is kind for notice in look.notices), kind)
    yield from (known, notices)


def _endpoints(reading: Reading, config: Config) -> Iterator[Family]:
    known = gauge("apf_endpoint_known", "Whether it was ever asked.", "endpoint")
    up = gauge("apf_endpoint_up", "Whether the last answer was a good one.", "endpoint")
    age = gauge("apf_endpoint_poll_age_seconds", "Time since the last good answer.", "endpoint")
    failures = gauge("apf_endpoint_failures", "Failures in a row.", "endpoint")
    backs_off = gauge("apf_endpoint_backing_off", "Whether it is left alone after failures.", "endpoint")
    for name in (*(f"wms.{n}" for n in config.wms), *(f"batch.{n}" for n in config.batch)):
        health = reading.health.get(name)
        known.add(health is not None, name)
        if health is None:
            continue
        up.add(not health.error, name)
        failures.add(health.failures, name)
        backs_off.add(health.retry_at is not None and reading.at < health.retry_at, name)
        age.add((reading.at - health.ok_at).total_seconds() if health.ok_at else None, name)
    yield from (known, up, age, failures, backs_off)
