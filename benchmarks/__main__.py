"""Run the benchmarks, all or those named: ``python -m benchmarks [NAME…]``.

Each ``bench_NAME.py`` has ``run() -> dict[str, float]``.  Figures differ from machine to machine and from
hour to hour, so what matters are ratios within one run; docs/performance.md has the ones we measured.
"""

import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main(wanted: list[str]) -> int:
    console = Console()
    unknown = sorted(set(wanted) - set(names()))
    if unknown:
        console.print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(names())}")
        return 2
    for name in wanted or names():
        table = Table("figure", "value", title=name)
        for figure, value in import_module(f"benchmarks.bench_{name}").run().items():
            table.add_row(figure, f"{value:,.3f}")
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
