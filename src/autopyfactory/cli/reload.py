"""``apf reload``: have the running factory go over to the configuration on disk."""

import os
import signal
import time
from typing import Annotated

import typer

from autopyfactory.api import ConfigError, SystemClock
from autopyfactory.cli.common.beside import Beside, Reload
from autopyfactory.cli.common.configuration import config_paths, load_config
from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.lock import lock_file, running_factory
from autopyfactory.cli.common.manual import EXIT_FAILURE
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import err, plural, print_json, say
from autopyfactory.config import Config

EXAMPLES = ("apf config diff && apf reload", "apf reload --config /etc/autopyfactory --json")
EXITS = {EXIT_FAILURE: "the configuration was not taken over, and nothing has changed; stderr says why"}
_LOOK_EVERY_S = 0.1


def reload(
    config: ConfigOption = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Wait at most so long for the outcome.")
    ] = 120.0,
    as_json: JsonOption = False,
) -> None:
    """Have the factory that runs here go over to the configuration on disk, and tell what came of it.

    The configuration is validated first: where anything is wrong, nothing changes.  Only queues that differ
    start anew; new pilots of removed queues are no longer submitted, and those that live are watched to their
    end.  What cannot change while it runs ("[factory] id", "store" and "state_dir", and "[web]" where that
    is served) is refused as a whole.

    It sends SIGHUP to the process that holds the store's lock, so it needs that process's user.
    """
    paths = config_paths(config)
    try:
        loaded = load_config(paths)
    except ConfigError as error:
        # the factory would read the same; and which one is meant cannot be known without a configuration
        _tell((), [str(problem) for problem in error.problems], as_json=as_json)
        raise typer.Exit(EXIT_FAILURE) from error
    with err().status("reloading …"):
        outcome = _reload(loaded, timeout)
    _tell(outcome.changes, outcome.problems, as_json=as_json)
    if not outcome.ok:
        raise typer.Exit(EXIT_FAILURE)


def _reload(config: Config, timeout_s: float) -> Reload:
    lock = lock_file(config)
    beside = Beside(lock)
    pid = _factory_that_reloads(config)
    asked_at = SystemClock().now()
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError as error:
        raise Failure(f"process {pid} belongs to another user: reload as that user") from error
    except ProcessLookupError as error:
        raise Failure(f"the factory, process {pid}, has just ended") from error
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        outcome = beside.last_reload(pid)
        # one that was under way may have read what has changed since: ours begins after that
        if outcome is not None and outcome.started_at >= asked_at:
            return outcome
        factory = running_factory(lock)
        if factory is None or factory.pid != pid:
            raise Failure(f"the factory, process {pid}, ended before it reloaded; its log tells more")
        time.sleep(_LOOK_EVERY_S)
    raise Failure(
        f"the factory has not reloaded within {timeout_s:g} s: it waits for calls to endpoints that change; "
        'it will, and then "apf status" tells'
    )


def _factory_that_reloads(config: Config) -> int:
    """Return the process to signal.  Others that hold the lock would be ended by the signal."""
    lock = lock_file(config)
    factory = running_factory(lock)
    if factory is None:
        raise Failure(
            f'no factory runs on this store (lock {lock}); start one with "apf run"; where the store was '
            "changed in the configuration, restart the factory that uses the old one"
        )
    if factory.pid is None or Beside(lock).effective(factory.pid) is None:
        raise Failure(
            f"process {factory.pid or 'unknown'} holds the store (lock {lock}), but takes no reloads: it is "
            "starting or ending, ends by itself after some cycles, or belongs to another user"
        )
    return factory.pid


def _tell(changes: tuple[str, ...], problems: "tuple[str, ...] | list[str]", *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": not problems, "changes": changes, "problems": problems})
        return
    for line in changes:
        say(line, in_one_line=True)
    if problems:
        many = plural(len(problems), "problem")
        err().print(f"apf: not reloaded, nothing has changed: {many}", style="bold red")
        for problem in problems:
            err().print(f"  {problem}", markup=False, soft_wrap=True)
    else:
        say(f"reloaded: {plural(len(changes), 'change') if changes else 'nothing differs'}", style="green")
