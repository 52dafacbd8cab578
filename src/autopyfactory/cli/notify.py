"""``apf notify``: the ways to tell operators what is wrong."""

import asyncio
import time
from typing import Annotated

import typer

from autopyfactory.api import NotifyFailed, SystemClock, did_you_mean
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.cli.common.manual import EXIT_FAILURE
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import err, print_json, say
from autopyfactory.cli.common.wiring import build_notifiers
from autopyfactory.config import Config
from autopyfactory.control.guarded import Guarded

ABOUT = "The ways to tell operators what is wrong."
TEST_EXAMPLES = ("apf notify test ops", "apf notify test ops --config /etc/autopyfactory --json")
TEST_EXITS = {EXIT_FAILURE: "the message did not reach everyone; stderr says what was answered"}


def send_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the section [notify.NAME].")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message by a "[notify.NAME]", and tell whether it got through.

    It goes to everyone whom that section names, whatever its kinds and queues.  The factory need not run, and
    does not notice.
    """
    loaded = load_config(config)
    target = loaded.notify.get(name)
    if target is None:
        known = ", ".join(loaded.notify) or "none"
        hint = did_you_mean(name, loaded.notify) or f"configured: {known}"
        raise UsageProblem(f"there is no [notify.{name}]; {hint}")
    started = time.monotonic()
    with err().status(f"sending a message by notify.{name} …"):
        error = asyncio.run(_send(loaded, name))
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        plugin = target.common.plugin
        print_json({"name": name, "plugin": plugin, "ok": not error, "seconds": seconds, "error": error})
    elif not error:
        say(f"notify.{name}: sent, in {seconds:.2f} s", style="green")
    if error:
        raise Failure(f"notify.{name}: {error}")


async def _send(config: Config, name: str) -> str:
    """Return why it was not sent, or an empty text."""
    clock = SystemClock()
    notifier = Guarded(f"notify.{name}", build_notifiers(config, clock, [name])[name])
    body = (
        f"This message is a test of [notify.{name}], asked for by `apf notify test`.\n\n"
        f"Factory {config.factory_id}, {clock.now():%Y-%m-%d %H:%M} UTC\n"
    )
    try:
        await notifier.send(f"{config.factory_id}: a test of notify.{name}", body)
    except NotifyFailed as error:
        return str(error)
    finally:
        await notifier.close()
    return ""
