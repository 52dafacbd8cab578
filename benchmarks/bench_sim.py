"""How fast the simulated world is: one day of a hundred queues and fifty thousand pilots, on one core."""

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from autopyfactory.sim.soak import Load, soak

LOAD = Load(days=1, queues=100, pilots=50_000)


def run() -> dict[str, float]:
    with TemporaryDirectory(prefix="apf-bench-") as folder:
        wall_s, cpu_s = perf_counter(), process_time()
        (day,) = soak(LOAD, Path(folder) / "apf.db")
        wall_s, cpu_s = perf_counter() - wall_s, process_time() - cpu_s
    return {
        f"seconds for a simulated day of {LOAD.queues} queues": wall_s,
        "CPU seconds": cpu_s,
        "pilots": day.pilots,
        "pilots per CPU second": day.pilots / cpu_s,
        "MB of database": day.database_mb,
        "MB of memory": day.memory_mb,
    }
