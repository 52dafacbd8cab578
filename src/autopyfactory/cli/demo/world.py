"""Board, factory and batch system of the demo, together in one process."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from autopyfactory.api import Clock, PilotFilter, Sample, Store, SystemClock
from autopyfactory.board import BoardClient, InputFile, JobSpec, JobState, JobStatus, create_app, serve
from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.output import note
from autopyfactory.cli.common.overview import count_live
from autopyfactory.cli.common.stopping import orderly_stop
from autopyfactory.cli.common.webs import serving_web
from autopyfactory.cli.common.wiring import Endpoints, built, lay_out_wrapper
from autopyfactory.cli.demo import pi
from autopyfactory.cli.demo.setting import QUEUE, Setting, write_configuration
from autopyfactory.config import Config, load
from autopyfactory.control import Factory
from autopyfactory.model import Pilot, PilotCounts, PilotIds, QueueName
from autopyfactory.store import open_store

_LOOK_S = 0.25
_ANSWER_S = 30.0
_FAREWELL_S = 15.0
_ALL_PILOTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a demo is to do."""

    jobs: int
    slots: int
    seed: int
    points: int
    """Random points that each payload throws."""
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a demo has come."""

    ready: int = 0
    running: int = 0
    finished: int = 0
    failed: int = 0
    pilots: PilotCounts = PilotCounts()

    @property
    def jobs_are_over(self) -> bool:
        """Whether no job waits or runs."""
        return not self.ready and not self.running and bool(self.finished or self.failed)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a demo."""

    started_at: datetime
    ended_at: datetime
    last: Moment
    jobs: tuple[JobState, ...]
    pilots: tuple[Pilot, ...]
    samples: tuple[Sample, ...] = field(repr=False)


async def play(plan: Plan, setting: Setting, show: Callable[[Moment], None]) -> Outcome:
    """Submit the jobs, run the factory until all are over and all pilots have ended.

    Raises `Failure` when that takes too long or a signal comes; pilots that still live are then cancelled.
    """
    clock = SystemClock()
    async with _serving(setting.board) as url, BoardClient(url) as board:
        write_configuration(setting, url, plan.slots)
        config = load([setting.config], {})
        lay_out_wrapper(config)
        store = await open_store(config.factory.store.get_secret_value(), config.factory_id)
        try:
            async with serving_web(lambda: config, clock) as dashboard, built(config, clock) as endpoints:
                note(f"dashboard: {dashboard}")
                started_at = clock.now()
                ids = await board.submit(_jobs(plan))
                last = await _run(plan, config, endpoints, store, board, clock, show)
                return Outcome(
                    started_at=started_at,
                    ended_at=clock.now(),
                    last=last,
                    jobs=tuple(await board.status(ids)),
                    pilots=tuple(await store.pilots(PilotFilter(limit=_ALL_PILOTS))),
                    samples=tuple(await store.samples(started_at, QueueName(QUEUE))),
                )
        finally:
            await store.close()


@asynccontextmanager
async def _serving(database: Path) -> AsyncIterator[str]:
    """Serve a board on a free port of this machine, and give its URL."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    app = create_app(database)
    server = asyncio.create_task(serve(app, "127.0.0.1", 0, ready=url.set_result, stop=stop), name="board")
    try:
        either: tuple[asyncio.Future[Any], ...] = (server, url)
        await asyncio.wait(either, timeout=_ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if server.done():
            await server  # raises what kept it from serving
        if not url.done():
            raise Failure(f"the board does not answer within {_ANSWER_S:g} s")
        yield url.result()
    finally:
        stop.set()
        await asyncio.gather(server, return_exceptions=True)


async def _run(
    plan: Plan,
    config: Config,
    endpoints: Endpoints,
    store: Store,
    board: BoardClient,
    clock: Clock,
    show: Callable[[Moment], None],
) -> Moment:
    """Run the factory until nothing is left to do, and return how it stood then."""
    ids = PilotIds(random.SystemRandom().getrandbits)
    factory = Factory(config, endpoints.wms, endpoints.batch, store, clock, ids)
    interrupted = asyncio.Event()
    with orderly_stop(interrupted.set):
        running = asyncio.create_task(factory.run(), name="factory")
        try:
            async with asyncio.timeout(plan.timeout_s):
                return await _watch(running, interrupted, store, board, show)
        except TimeoutError as error:
            raise Failure(f"the demo is not done after {plan.timeout_s:g} s; its log tells more") from error
        finally:
            factory.stop()
            await asyncio.gather(running, return_exceptions=True)
            await _cancel_all(store, endpoints, clock)


async def _watch(
    running: "asyncio.Task[object]",
    interrupted: asyncio.Event,
    store: Store,
    board: BoardClient,
    show: Callable[[Moment], None],
) -> Moment:
    while True:
        if running.done():
            await running
            raise Failure("the factory ended before the jobs did; its log tells more")
        if interrupted.is_set():
            raise Failure("interrupted")
        moment = await _look(store, board)
        show(moment)
        if moment.jobs_are_over and not moment.pilots.total and not moment.pilots.retiring:
            return moment
        await asyncio.sleep(_LOOK_S)


async def _look(store: Store, board: BoardClient) -> Moment:
    jobs = (await board.counts()).get(QUEUE, {})
    over = {JobStatus.ACTIVATED, JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELLED}
    return Moment(
        ready=jobs.get(JobStatus.ACTIVATED, 0),
        running=sum(n for status, n in jobs.items() if status not in over),
        finished=jobs.get(JobStatus.FINISHED, 0),
        failed=jobs.get(JobStatus.FAILED, 0) + jobs.get(JobStatus.CANCELLED, 0),
        pilots=count_live(await store.live()).get(QueueName(QUEUE), PilotCounts()),
    )


async def _cancel_all(store: Store, endpoints: Endpoints, clock: Clock) -> None:
    """Cancel what lives, and give it the time to tell the board while that is still there."""
    live = [pilot.id for pilot in await store.live()]
    if not live:
        return
    systems = endpoints.batch.values()
    await asyncio.gather(*(system.cancel(live) for system in systems))
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            while any([await system.status() for system in systems]):
                await clock.sleep(_LOOK_S)


def _jobs(plan: Plan) -> list[JobSpec]:
    payload = InputFile.of("pi.py", Path(pi.__file__).read_bytes(), executable=False)
    return [
        JobSpec(
            queue=QUEUE,
            command="/usr/bin/env",
            arguments=("python3", "pi.py", str(plan.seed + index), str(plan.points)),
            inputs=(payload,),
            name=f"pi {index + 1}",
        )
        for index in range(plan.jobs)
    ]
