"""``/metrics``: what is told of a known world, and what is not told where nothing is known."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from metrics_text import REPOSITORY, Scrape, parsed
from web_world import AGLT2, NOW, Web, serving_web

from autopyfactory.api import StoreUnavailable
from autopyfactory.model import (
    AuditEntry,
    EndCause,
    EndpointHealth,
    JobCounts,
    Notice,
    NoticeKind,
    NoticeLook,
    Override,
    OverrideKind,
    PilotState,
    QueueName,
    Scope,
    Transition,
)
from autopyfactory.testkit.census import with_breaker
from autopyfactory.testkit.store import a_cycle, pilot_ids
from autopyfactory.web.metrics.endings import Ending

CE = QueueName("ce.example.org:9619/condor")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


async def scraped(web: Web, after: timedelta = 2 * MINUTE) -> Scrape:
    """Scrape some time later."""
    web.clock.at += after
    answer = await web.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parsed(answer.body.decode())


async def test_numbers_of_a_queue(web: Web) -> None:
    told = await scraped(web)
    assert told.value("apf_queue_jobs", queue=AGLT2, state="ready") == 7
    assert told.value("apf_queue_jobs_known", queue=AGLT2) == 1
    assert told.value("apf_queue_pilots", queue=AGLT2, state="planned") == 3
    assert told.value("apf_queue_pilots", queue=AGLT2, state="running") == 0
    assert told.value("apf_queue_last_decision", queue=AGLT2) == 3
    assert told.value("apf_queue_cycle_age_seconds", queue=AGLT2) == 120
    assert told.value("apf_last_cycle_age_seconds") == 120
    assert told.value("apf_queues") == 2
    assert told.value("apf_store_up") == 1


async def test_unknown_is_not_zero(web: Web) -> None:
    told = await scraped(web)
    assert told.value("apf_queue_jobs", queue=CE, state="ready") is None, "it never had a cycle"
    assert told.value("apf_queue_jobs_known", queue=CE) == 0
    cycle = a_cycle(AGLT2, web.clock.at)
    unknown = replace(cycle.state, jobs=JobCounts(ready=None, running=4), pilots=None)
    await web.store.plan(replace(cycle, state=unknown), [], "local")
    told = await scraped(web)
    assert told.value("apf_queue_jobs", queue=AGLT2, state="ready") is None
    assert told.value("apf_queue_jobs", queue=AGLT2, state="running") == 4
    assert told.value("apf_queue_jobs_known", queue=AGLT2) == 0
    assert told.value("apf_queue_pilots", queue=AGLT2, state="planned") is None
    assert told.value("apf_queue_pilots_known", queue=AGLT2) == 0


async def test_what_was_known_long_ago_is_unknown(web: Web) -> None:
    told = await scraped(web, after=timedelta(seconds=3 * 120 + 61))
    assert told.value("apf_queue_jobs", queue=AGLT2, state="ready") is None
    assert told.value("apf_queue_pilots_known", queue=AGLT2) == 0
    assert told.value("apf_queue_cycle_age_seconds", queue=AGLT2) == 421


async def test_totals_count_each_thing_once(web: Web) -> None:
    assert (await scraped(web)).value("apf_queue_cycles_total", queue=AGLT2) == 0, "counted from now on"
    for _ in range(2):
        await web.store.plan(a_cycle(AGLT2, web.clock.at, planned=4), [], "local")
    for _ in range(2):
        told = await scraped(web)
        assert told.value("apf_queue_cycles_total", queue=AGLT2) == 2
        assert told.value("apf_queue_decided_total", queue=AGLT2) == 8
        assert told.value("apf_queue_planned_total", queue=AGLT2) == 8
        assert told.value("apf_queue_planned_total", queue=CE) == 0


async def test_endings_by_class(web: Web) -> None:
    await scraped(web)
    done = Transition(web.pilots[0], web.clock.at, PilotState.DONE, cause=EndCause.EXIT, empty=False)
    failed = replace(done, pilot=web.pilots[1], state=PilotState.FAILED, exit_code=3)
    empty = replace(done, pilot=web.pilots[2], empty=True, exit_code=91)
    await web.store.record([done, failed, empty])
    told = await scraped(web, after=timedelta(seconds=30))
    assert told.value("apf_queue_ended_total", queue=AGLT2, ending="done") is None, "it waits for late ones"
    for _ in range(2):
        told = await scraped(web)
        for ending in ("done", "failed", "empty"):
            assert told.value("apf_queue_ended_last_hour", queue=AGLT2, ending=ending) == 1
            assert told.value("apf_queue_ended_total", queue=AGLT2, ending=ending) == 1
        assert told.value("apf_queue_empty_share", queue=AGLT2) == pytest.approx(1 / 3)
    told = await scraped(web, after=timedelta(hours=1))
    assert told.value("apf_queue_ended_last_hour", queue=AGLT2, ending="done") is None
    assert told.value("apf_queue_empty_share", queue=AGLT2) is None
    assert told.value("apf_queue_ended_total", queue=AGLT2, ending="done") == 1


async def test_nothing_is_missed_while_nobody_scrapes_or_the_clock_is_set_back(web: Web) -> None:
    await scraped(web)
    done = Transition(web.pilots[0], web.clock.at, PilotState.DONE, cause=EndCause.EXIT, empty=False)
    await web.store.record([done])
    for after in (timedelta(hours=3), timedelta(hours=-2), MINUTE, timedelta(hours=2)):
        told = await scraped(web, after=after)
        assert told.value("apf_queue_ended_total", queue=AGLT2, ending="done") == 1


@pytest.mark.parametrize(
    ("state", "cause", "ending"),
    [
        (PilotState.FAILED, EndCause.SIGNAL, "signal"),
        (PilotState.REMOVED, EndCause.CANCELLED, "cancelled"),
        (PilotState.REMOVED, EndCause.REMOVED, "removed"),
        (PilotState.FAILED, EndCause.REFUSED, "refused"),
        (PilotState.FAILED, EndCause.UNSENT, "unsent"),
        (PilotState.LOST, EndCause.VANISHED, "vanished"),
        (PilotState.FAILED, None, "other"),
    ],
)
async def test_every_ending_has_a_class(
    web: Web, state: PilotState, cause: EndCause | None, ending: str
) -> None:
    await web.store.record([Transition(web.pilots[0], NOW, state, cause=cause)])
    told = await scraped(web)
    assert told.value("apf_queue_ended_last_hour", queue=AGLT2, ending=ending) == 1
    assert ending in set(Ending)


async def test_endpoints(web: Web) -> None:
    now = NOW + 2 * MINUTE
    failing = EndpointHealth("wms.board", NOW - MINUTE, "refused", NOW, 2, now + MINUTE)
    await web.store.save_health([failing, EndpointHealth("wms.gone", NOW)])
    told = await scraped(web)
    assert told.labelled("apf_endpoint_known", "endpoint") == {"wms.board": 1, "batch.local": 0}
    assert told.labelled("apf_endpoint_up", "endpoint") == {"wms.board": 0}
    assert told.labelled("apf_endpoint_poll_age_seconds", "endpoint") == {"wms.board": 180}
    assert told.labelled("apf_endpoint_failures", "endpoint") == {"wms.board": 2}
    assert told.labelled("apf_endpoint_backing_off", "endpoint") == {"wms.board": 1}


async def test_troubles_of_a_queue(web: Web) -> None:
    health = EndpointHealth(f"queue.{AGLT2}", None, "no", NOW, 3, NOW + timedelta(hours=1))
    await web.store.save_health([health])
    drained = Override(AGLT2, OverrideKind.DRAINED, "ann", NOW)
    await web.store.set_override(AGLT2, drained, AuditEntry(NOW, "ann", "drain", AGLT2))
    await web.store.plan(with_breaker(a_cycle(AGLT2, NOW + MINUTE), "trial"), [], "local")
    told = await scraped(web)
    assert told.labelled("apf_queue_held_back", "queue") == {AGLT2: 1, CE: 0}
    assert told.labelled("apf_queue_backing_off", "queue") == {AGLT2: 1, CE: 0}
    assert told.labelled("apf_queue_submission_failures", "queue") == {AGLT2: 3, CE: 0}
    assert told.labelled("apf_queue_breaker", "state") == {"closed": 0, "open": 0, "trial": 1}


async def test_notices_while_somebody_looks(web: Web) -> None:
    told = await scraped(web)
    assert told.value("apf_notices_known") == 0
    assert told.labelled("apf_notices", "kind") == {}
    hole = Notice("hole/n7", NoticeKind.BLACK_HOLE, "host.n7", "pilots die", NOW)
    assert await web.context.writing.keep_look(
        NoticeLook(1, web.clock.at, (hole, replace(hole, key="hole/n8")))
    )
    told = await scraped(web)
    assert told.value("apf_notices_known") == 1
    assert told.labelled("apf_notices", "kind") == {
        **{kind.value: 0 for kind in NoticeKind},
        "black_hole": 2,
    }
    told = await scraped(web, after=timedelta(minutes=5))
    assert told.value("apf_notices_known") == 0
    assert told.labelled("apf_notices", "kind") == {}


async def test_queues_beyond_the_maximum_share_a_label(tmp_path: Path) -> None:
    async with serving_web(tmp_path, metrics_queues=1) as web:
        told = await scraped(web)
        assert set(told.labelled("apf_queue_jobs_known", "queue")) == {AGLT2, "other"}
        assert told.value("apf_queues_folded") == 1


async def test_the_shared_label_has_a_sum_where_all_is_known(tmp_path: Path) -> None:
    async with serving_web(tmp_path, metrics_queues=0) as web:
        told = await scraped(web)
        assert told.labelled("apf_queue_jobs_known", "queue") == {"other": 0}
        assert told.value("apf_queue_jobs", queue="other", state="ready") is None, "one of two is unknown"
        await web.store.plan(a_cycle(CE, web.clock.at), [], "local")
        told = await scraped(web)
        assert told.value("apf_queue_jobs", queue="other", state="ready") == 14


async def test_pilots_of_a_removed_queue_add_no_label(web: Web) -> None:
    gone = QueueName("gone")
    await web.store.plan(a_cycle(gone, NOW, planned=2), pilot_ids(2, seed=9), "local")
    told = await scraped(web)
    assert told.value("apf_pilots_of_removed_queues") == 2
    assert set(told.labelled("apf_queue_jobs_known", "queue")) == {AGLT2, CE}


async def test_without_the_store(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> int:
        raise StoreUnavailable("the server is gone")

    with monkeypatch.context() as patch:
        patch.setattr(web.context.reading, "newest_cycle_id", away)
        told = await scraped(web)
        assert told.value("apf_store_up") == 0
        assert told.labelled("apf_queue_jobs_known", "queue") == {}
        assert told.value("apf_queues") == 2
        assert told.value("process_open_fds") is not None
    assert (await scraped(web)).value("apf_store_up") == 1


async def test_those_who_ask_at_once_get_one_text(web: Web) -> None:
    web.clock.at += MINUTE
    first = await web.get("/metrics")
    assert (await web.get("/metrics")).body == first.body
    zipped = await web.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == first.body


async def test_who_may_read_may_scrape(tmp_path: Path) -> None:
    async with serving_web(tmp_path, reads="closed") as web:
        assert (await web.get("/metrics")).status == 401
        assert (await web.get("/metrics", bearer=await web.token(Scope.REPORT))).status == 403
        assert (await web.get("/metrics", bearer=await web.token(Scope.READ))).status == 200


async def test_a_network_that_may_read_may_scrape(tmp_path: Path) -> None:
    async with serving_web(tmp_path, reads="closed", networks=["127.0.0.0/8"]) as web:
        assert (await web.get("/metrics")).status == 200


async def test_every_metric_is_documented_and_every_documented_one_exists(web: Web) -> None:
    web.context.timings.cycles()
    told = await scraped(web)
    page = (REPOSITORY / "docs/reference/metrics.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    documented = {row[1].strip(" `"): row[2].strip() for row in rows}
    assert documented == told.types
