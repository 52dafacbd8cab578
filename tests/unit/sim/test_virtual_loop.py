"""Virtual time: jumps, repeats exactly, and says so when nothing could ever happen again."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.sim.loop import Deadlock, VirtualClock, VirtualLoop, run_virtual

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_month_passes_at_once() -> None:
    async def main() -> datetime:
        clock = VirtualClock()
        await clock.sleep(30 * 86_400)
        return clock.now()

    began = time.perf_counter()
    assert run_virtual(main(), START) == START + timedelta(days=30)
    assert time.perf_counter() - began < 5


def test_sleepers_wake_in_order_of_time_then_of_asking() -> None:
    async def main() -> list[str]:
        clock, woken = VirtualClock(), list[str]()

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(f"{name}@{(clock.now() - START).total_seconds():g}")

        await asyncio.gather(*(sleeper(n, s) for n, s in [("a", 3), ("b", 1), ("c", 3), ("d", 0), ("e", 1)]))
        return woken

    assert run_virtual(main(), START) == ["d@0", "b@1", "e@1", "a@3", "c@3"]


def test_time_stands_still_while_anything_is_ready() -> None:
    async def main() -> float:
        clock = VirtualClock()
        late = asyncio.create_task(clock.sleep(1))
        for _ in range(100):
            await clock.sleep(0)
        elapsed_s = (clock.now() - START).total_seconds()
        await late
        return elapsed_s

    assert run_virtual(main(), START) == 0


def test_a_deadlock_names_who_waits() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="waits-for-godot")

    with pytest.raises(Deadlock, match="waits-for-godot"):
        run_virtual(main(), START)


def test_time_outs_work_and_cancelled_timers_do_not_pile_up() -> None:
    async def main() -> tuple[datetime, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for _ in range(10_000):
            async with asyncio.timeout(86_400):
                await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(10)
        return loop.now(), len(loop._timers)

    now, timers = run_virtual(main(), START)
    assert now == START + timedelta(seconds=5)
    assert timers < 3_000


def test_work_for_threads_is_done_in_order_and_its_errors_reach_the_waiter() -> None:
    async def main() -> list[int]:
        done: list[int] = []
        await asyncio.gather(*(asyncio.to_thread(done.append, n) for n in range(5)))
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return done

    assert run_virtual(main(), START) == [0, 1, 2, 3, 4]


async def test_a_virtual_clock_needs_a_virtual_loop() -> None:
    with pytest.raises(TypeError, match="run_virtual"):
        VirtualClock()
