"""``apf web``: the dashboard, the REST API, reports and logs, without a factory in the same process."""

import asyncio
from typing import Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.logging_setup import LogFormat, LogLevel, set_up_logging
from autopyfactory.cli.common.options import ConfigOption
from autopyfactory.cli.common.stopping import orderly_stop
from autopyfactory.cli.common.webs import serving_web
from autopyfactory.config import Config

ABOUT = "The web: dashboard, REST API, reports of pilots, pilots' logs."
SERVE_EXAMPLES = ("apf web serve", "apf web serve --config /etc/autopyfactory --log-format json")


def serve(
    config: ConfigOption = None,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look, on stderr.")] = LogFormat.TEXT,
) -> None:
    """Serve the web until SIGTERM or Ctrl-C, wherever the factory runs.

    It works on the store alone, and what operators ask for is heeded by the factory through it.  "apf run"
    serves the same, if "[web] enabled" is true.  The URL is printed on stdout once it answers.
    """
    loaded = load_config(config)
    set_up_logging(log_level, log_format)
    asyncio.run(_serve(loaded))


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    with orderly_stop(stop.set):
        async with serving_web(lambda: config, SystemClock()) as url:
            typer.echo(url)
            await stop.wait()
