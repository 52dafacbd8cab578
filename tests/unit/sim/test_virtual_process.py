"""Processes of the virtual world: stopped ones take no step, and lose none."""

import asyncio

from factory_stage import START

from autopyfactory.sim.loop import VirtualClock, run_virtual
from autopyfactory.sim.process import Process


def test_what_is_stopped_stands_still_and_then_catches_up_in_order() -> None:
    async def play() -> None:
        loop, clock, process = asyncio.get_running_loop(), VirtualClock(), Process()
        seen: list[tuple[str, float]] = []

        async def tick(name: str, every_s: float) -> None:
            for _ in range(4):
                await clock.sleep(every_s)
                seen.append((name, loop.time()))

        both = [process.start(tick("inside", 10), "inside"), asyncio.create_task(tick("outside", 10))]
        await clock.sleep(15)
        process.stop()
        assert process.stopped
        await clock.sleep(20)
        process.go_on()
        assert not process.stopped
        await asyncio.gather(*both)
        assert [at_s for name, at_s in seen if name == "outside"] == [10, 20, 30, 40]
        assert [at_s for name, at_s in seen if name == "inside"] == [10, 35, 45, 55]

    run_virtual(play(), START)


def test_what_it_asked_for_outside_happens_meanwhile() -> None:
    async def play() -> None:
        loop, clock, process = asyncio.get_running_loop(), VirtualClock(), Process()
        done_at: list[float] = []

        async def answer() -> str:
            await clock.sleep(10)
            done_at.append(loop.time())
            return "done"

        async def ask() -> tuple[str, float]:
            async with asyncio.timeout(30):
                return await process.outside(answer()), loop.time()

        asking = process.start(ask(), "asking")
        await clock.sleep(5)
        process.stop()
        await clock.sleep(60)
        process.go_on()
        assert await asking == ("done", 65), "the answer came before the time-out, and is seen first"
        assert done_at == [10]

    run_virtual(play(), START)


def test_tasks_belong_to_the_process_that_started_them() -> None:
    async def play() -> None:
        clock, process = VirtualClock(), Process()

        async def parent() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(clock.sleep(10))

        running = process.start(parent(), "parent")
        await clock.sleep(1)
        process.stop()
        await clock.sleep(60)
        assert not running.done()
        process.go_on()
        process.go_on()
        await running

    run_virtual(play(), START)
