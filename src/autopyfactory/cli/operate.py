"""``apf drain``, ``resume``, ``downtime``, ``retire``: hold queues back, let them go on, remove pilots."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.configuration import load_config, queue_named
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.operators import entry, operator, with_desk
from autopyfactory.cli.common.options import ConfigOption, QueueArgument
from autopyfactory.cli.common.output import plural, say
from autopyfactory.config import Config
from autopyfactory.model import Override, OverrideKind, PilotState

DRAIN_EXAMPLES = ("apf drain AGLT2", 'apf drain AGLT2 --reason "disk full"')
RESUME_EXAMPLES = ("apf resume AGLT2",)
DOWNTIME_EXAMPLES = (
    'apf downtime AGLT2 --for 4h --reason "power"',
    "apf downtime AGLT2 --until 2026-03-02T08:00Z",
)
RETIRE_EXAMPLES = (
    "apf retire AGLT2 50",
    'apf drain AGLT2 && apf retire AGLT2 1000 --reason "site goes away"',
    "apf retire AGLT2 10 --running",
)

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = timedelta(days=3650)

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown with the queue.")]


def drain(queue: QueueArgument, config: ConfigOption = None, reason: ReasonOption = "") -> None:
    """Let a queue submit nothing until it is resumed; its pilots are watched to their end.

    A factory that runs heeds it within seconds, one that does not when it starts.  It is kept in the audit
    trail.
    """
    loaded = load_config(config)
    name = queue_named(loaded, queue).name
    override = Override(name, OverrideKind.DRAINED, operator(), SystemClock().now(), reason)
    _keep(loaded, override, "drain", reason)
    say(f"{name} is drained: it submits nothing until it is resumed")


def resume(queue: QueueArgument, config: ConfigOption = None) -> None:
    """Let a queue that is drained or in downtime submit again; it is well where it is not."""
    loaded = load_config(config)
    name = queue_named(loaded, queue).name
    with_desk(loaded, lambda store: store.set_override(name, None, entry("resume", name)))
    say(f"{name} submits again")


def downtime(
    queue: QueueArgument,
    config: ConfigOption = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it is over, in ISO 8601; UTC unless it says."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long from now: 90m, 4h or 2d.")
    ] = None,
    reason: ReasonOption = "",
) -> None:
    """Let a queue submit nothing until a time; then it goes on by itself.

    Give --until or --for.  Its pilots are watched to their end; "apf resume" ends it sooner.
    """
    loaded = load_config(config)
    name, now = queue_named(loaded, queue).name, SystemClock().now()
    end = _end(until, duration, now)
    _keep(loaded, Override(name, OverrideKind.DOWNTIME, operator(), now, reason, end), "downtime", reason)
    say(f"{name} submits nothing until {end.isoformat(timespec='minutes')}")


def retire(
    queue: QueueArgument,
    pilots: Annotated[int, typer.Argument(min=1, metavar="N", help="How many pilots.", show_default=False)],
    config: ConfigOption = None,
    running: Annotated[
        bool, typer.Option("--running", help="Where too few wait, also pilots that run: their work is lost.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; noted of each pilot.")] = "",
) -> None:
    """Have the factory remove N pilots of a queue that wait, newest first.

    Which they are is decided now.  The factory removes them when it looks at the batch system next, or when
    it starts; those that run by then are left to their work.  Rules, and the limits in "retire" of the
    configuration, make no difference.  The queue may submit others: "apf drain" it first if it is not to.
    The order is kept in the audit trail.
    """
    # here, since it costs time that "apf --help" need not wait for
    from autopyfactory.control.retiring import retire as order

    loaded = load_config(config)
    name = queue_named(loaded, queue).name
    chosen = with_desk(loaded, lambda store: order(store, name, pilots, entry, running=running, why=reason))
    if not chosen:
        say(f"{name} has no pilot that waits{' or runs' if running else ''}: nothing to remove")
        return
    run = sum(pilot.state is PilotState.RUNNING for pilot in chosen)
    of_which = f", {run} of them running" if run else ""
    say(f"{plural(len(chosen), 'pilot')} of {name} will be removed{of_which}")


def _keep(config: Config, override: Override, action: str, reason: str) -> None:
    detail = f"until {override.until.isoformat()}: {reason}" if override.until else reason
    done = entry(action, override.queue, detail)
    with_desk(config, lambda store: store.set_override(override.queue, override, done))


def _end(until: str | None, duration: str | None, now: datetime) -> datetime:
    if (until is None) == (duration is None):
        raise UsageProblem("a downtime has an end: give either --until or --for")
    end = _moment(until) if until is not None else now + _duration(duration or "")
    if not now < end <= now + _LONGEST:
        raise UsageProblem("the end of the downtime is past, or more than ten years away")
    return end


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageProblem(f'"{text}" is no time in ISO 8601, for example 2026-03-02T08:00Z') from error


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    if match is None:
        raise UsageProblem(f'"{text}" is no duration, for example 90m, 4h or 2d')
    return int(match[1]) * _UNITS[match[2]]
