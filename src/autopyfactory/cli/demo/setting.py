"""The folder of a demo: its configuration, and room for what it makes."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.lock import only_factory

QUEUE = "demo"
PAYLOADS_PER_PILOT = 4
_MARK = ".apf-demo"
"""Tells a folder that a demo made, and may therefore make anew."""

_CONFIGURATION = Template("""\
# Written by "apf demo", and made anew each time.  Look around with it, during the demo and afterwards:
#   apf status -c $file      apf explain $queue -c $file      apf pilots -c $file

[factory]
id = "demo"
store = "sqlite:///factory.db"

# the dashboard, while the demo runs; afterwards: apf web serve -c $file
[web]
port = 0

[wms.board]
plugin = "board"
url = "$url"
interval_s = 1
# a busy machine may take its time to answer
max_age_s = 15

[batch.local]
plugin = "local"
slots = $slots
interval_s = 1
max_age_s = 15

[queues.$queue]
wms = "board"
batch = "local"
interval_s = 1
sched = [
    # as many as jobs are ready and not yet waited for,
    "ready",
    # divided by the $payloads payloads that each pilot takes,
    {scale = {factor = $share}},
    # a few more at once than there are slots,
    {max_to_run = {maximum = $most}},
    # not all in one go,
    {max_per_cycle = {maximum = $burst}},
    # and few that wait: what still waits at the end was for nothing
    {max_pending = {maximum = $waiting}},
]

[queues.$queue.pilot]
executable = "builtin:wrapper"
arguments = [
    "--wrapperserverurl", "{wms.url}", "--wrapperwmsqueue", "{wms_queue}", "--wrapperbatchqueue", "{queue}",
    "--max-payloads", "$payloads", "--poll", "0.5",
]
""")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where everything of a demo lies."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration, to look around with."""
        return self.folder / "apf.toml"

    @property
    def board(self) -> Path:
        """The database of the board."""
        return self.folder / "board.db"

    @property
    def log(self) -> Path:
        """The log of factory and board."""
        return self.folder / "factory.log"

    @property
    def chart(self) -> Path:
        """The picture."""
        return self.folder / "chart.png"


@contextmanager
def fresh(folder: Path) -> Iterator[Setting]:
    """Make the folder, or empty it of an earlier demo, and keep other demos out of it meanwhile.

    Raises `UsageProblem` for a folder that holds something else, `Failure` where another demo runs there.
    """
    setting = Setting(folder.absolute())
    lock = setting.folder / "factory.db.lock"
    with ExitStack() as held:
        try:
            setting.folder.mkdir(parents=True, exist_ok=True)
            others = [child for child in setting.folder.iterdir() if child != lock]
            if others and not (setting.folder / _MARK).exists():
                raise UsageProblem(f"{folder} holds files that no demo made; name another folder with --dir")
            held.enter_context(only_factory(lock))
            for child in others:
                _remove(child)
            (setting.folder / _MARK).touch()
        except OSError as error:
            raise Failure(f"{error.filename or folder} cannot be used: {error.strerror}") from error
        yield setting


def write_configuration(setting: Setting, url: str, slots: int) -> None:
    """Write the configuration for a board at ``url`` and that many slots."""
    burst = max(1, slots // 2)
    waiting = max(1, slots // 4)
    text = _CONFIGURATION.substitute(
        file=setting.config.name,
        queue=QUEUE,
        url=url,
        slots=slots,
        share=1 / PAYLOADS_PER_PILOT,
        payloads=PAYLOADS_PER_PILOT,
        most=slots + waiting,
        burst=burst,
        waiting=waiting,
    )
    setting.config.write_text(text, encoding="utf-8")


def _remove(child: Path) -> None:
    if child.is_dir() and not child.is_symlink():
        shutil.rmtree(child)
    else:
        child.unlink()
