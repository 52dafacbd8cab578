"""How a demo goes, live on a terminal."""

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autopyfactory.cli.common.output import err
from autopyfactory.cli.demo.world import Moment


class LiveProgress:
    """Shows moments on stderr while it is a terminal, and nothing otherwise."""

    def __init__(self, jobs: int, slots: int) -> None:
        self._jobs = jobs
        self._slots = slots
        console = err()
        self._live = (
            Live(console=console, transient=True, refresh_per_second=8) if console.is_terminal else None
        )

    def __enter__(self) -> "LiveProgress":
        """Take over the lower lines of the terminal."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back, empty."""
        if self._live:
            self._live.stop()

    def show(self, moment: Moment) -> None:
        """Show a moment."""
        if self._live:
            self._live.update(self._page(moment))

    def _page(self, moment: Moment) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", style="bold")
        grid.add_column(width=30)
        grid.add_column()
        grid.add_row(
            "jobs",
            ProgressBar(total=self._jobs, completed=moment.finished),
            Text(
                f"{moment.finished} of {self._jobs} finished, {moment.running} running, {moment.ready} ready"
            ),
        )
        grid.add_row(
            "pilots",
            ProgressBar(total=self._slots, completed=moment.pilots.running),
            Text(f"{moment.pilots.running} running on {self._slots} slots, {moment.pilots.waiting} pending"),
        )
        return Group(grid)
