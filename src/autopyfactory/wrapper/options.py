"""The command line: every option of AutoPyFactory 2.4's wrapper, and our own."""

import argparse
import shlex
from typing import List, NoReturn, Optional, Tuple

from autopyfactory.wrapper import VERSION
from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.exits import EXIT_CODES
from autopyfactory.wrapper.talk import LEVELS
from autopyfactory.wrapper.validation.steps import read_step
from autopyfactory.wrapper.web import is_http

PLUGINS = ("panda", "command", "pilot")


class Parser(argparse.ArgumentParser):
    """Tells wrong usage by an exception, so that it can be reported."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(message)


def seconds(text: str) -> float:
    """Read a number of seconds, not negative."""
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError(text)
    return value


def interval(text: str) -> float:
    """Read a number of seconds above zero."""
    value = seconds(text)
    if value == 0:
        raise ValueError(text)
    return value


def positive(text: str) -> int:
    """Read a whole number above zero."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def server_url(text: str) -> str:
    """Read the URL of a WMS."""
    if not is_http(text):
        raise ValueError(text)
    return text


def parser() -> Parser:
    """Return the command line."""
    line = Parser(
        prog="wrapper",
        description="Validates the node, then runs payloads until its lifetime or the work is out.",
        epilog=EXIT_CODES
        + "\nWith the sources pilot and command, options that are not listed here, and all words"
        "\nbehind --, go on to what is run.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        # PanDA's pilots have a -h of their own
        add_help=False,
    )
    line.add_argument("--help", action="help", help="print this and end")
    line.add_argument("--version", action="version", version=VERSION, help="print the version and end")
    _add_old(line.add_argument_group("AutoPyFactory 2's options"))
    _add_work(line.add_argument_group("work"))
    _add_limits(line.add_argument_group("limits"))
    _add_node(line.add_argument_group("the node"))
    return line


def _add_old(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--wrappervo", metavar="NAME", default="", help="VO that the pilot works for; for the lookup table")
    add("--wrapperpurpose", metavar="NAME", default="", help="what for; for the lookup table")
    add("--wrappergrid", metavar="NAME", default="", help="infrastructure; for the lookup table")
    add("--wrapperwmsqueue", metavar="NAME", default="", help="queue of the WMS to take jobs from")
    add("--wrapperbatchqueue", metavar="NAME", default="", help="batch queue that this pilot came through")
    add("--wrapperserverurl", metavar="URL", type=server_url, default=None, help="the WMS")
    add(
        "--wrapperplugin",
        metavar="SOURCE",
        choices=PLUGINS,
        help="where payloads come from: panda (default), command, pilot",
    )
    add(
        "--wrapperpilotcode",
        metavar="NAME,...",
        default="",
        help="files of the pilot, NAME#sha256=HEX[&share=PERCENT]",
    )
    add(
        "--wrapperpilotcodeurl",
        metavar="URL,...",
        default="",
        help="where they are; without names: whole files",
    )
    add(
        "--wrapperspecialcmd",
        metavar="COMMAND",
        default="",
        help="shell command that prepares the environment",
    )
    add(
        "--wrapperloglevel",
        metavar="LEVEL",
        type=str.lower,
        choices=LEVELS,
        default="info",
        help="how much is said: %s (default info)" % ", ".join(LEVELS),
    )
    add("--wrappermode", metavar="MODE", default="", help="dryrun: validate the node, take no payload")
    add(
        "--wrappervlimit",
        metavar="KB",
        type=positive,
        default=None,
        help="limit of the address space, as ulimit -v",
    )
    add(
        "--wrappertarballurl", metavar="URL", default="", help="understood, has no effect: this file is whole"
    )


def _add_work(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add(
        "--lookup",
        metavar="FILE",
        default="",
        help="lookup table, a file or a URL, that chooses source and pilot",
    )
    add(
        "--command",
        metavar="LINE",
        default="",
        help="what the source command runs; split as a shell does, no shell",
    )
    add("--label", metavar="NAME", default="managed", help="PanDA's prodSourceLabel (default managed)")
    add(
        "--lifetime",
        metavar="S",
        type=seconds,
        default=86400.0,
        help="ask for no payload after so many seconds; one that runs is not stopped (default 86400)",
    )
    add(
        "--idle",
        metavar="S",
        type=seconds,
        default=0.0,
        help="go on asking for so long while there is no work (default 0)",
    )
    add(
        "--poll",
        metavar="S",
        type=interval,
        default=10.0,
        help="seconds between two questions while there is no work (default 10)",
    )
    add(
        "--patience",
        metavar="S",
        type=seconds,
        default=60.0,
        help="go on asking for so long while there is no answer (default 60)",
    )
    add(
        "--heartbeat",
        metavar="S",
        type=interval,
        default=300.0,
        help="seconds between two reports of a payload to the WMS; at most a quarter of its lease (300)",
    )
    add(
        "--report-limit",
        metavar="S",
        type=seconds,
        default=1800.0,
        help="go on trying to report an outcome for so long (default 1800)",
    )
    add(
        "--report-every",
        metavar="S",
        type=seconds,
        default=300.0,
        help="seconds between two heartbeats to the factory's monitor; 0: none (default 300)",
    )
    add(
        "--max-payloads",
        metavar="N",
        type=positive,
        default=None,
        help="run no more than this (sources command and pilot 1, panda no limit)",
    )


def _add_limits(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--payload-timeout", metavar="S", type=interval, default=None, help="stop a payload that runs longer")
    add(
        "--memory-limit-mb",
        metavar="N",
        type=positive,
        default=None,
        help="stop a payload whose processes hold more",
    )
    add(
        "--silence-limit",
        metavar="S",
        type=interval,
        default=None,
        help="stop a payload whose log does not grow for so long",
    )
    add(
        "--output-limit-mb",
        metavar="N",
        type=positive,
        default=None,
        help="stop a payload whose directory holds more",
    )
    add(
        "--grace",
        metavar="S",
        type=seconds,
        default=None,
        help="between SIGTERM to a payload and SIGKILL (5; source pilot 60)",
    )
    add(
        "--watch",
        metavar="S",
        type=interval,
        default=5.0,
        help="seconds between two looks at a payload's limits (default 5)",
    )


def _add_node(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add(
        "--cores",
        metavar="N",
        type=positive,
        default=None,
        help="processors that were asked for; a board gives no job that needs more (PanDA goes by its queue)",
    )
    add(
        "--memory-mb",
        metavar="N",
        type=positive,
        default=None,
        help="memory that was asked for; jobs that need more are not taken",
    )
    add("--disk-mb", metavar="N", type=positive, default=None, help="disk that was asked for")
    add(
        "--require",
        metavar="STEP",
        action="append",
        default=[],
        help="validation step, NAME[=ARGUMENT]; without success no payload is taken",
    )
    add("--advise", metavar="STEP", action="append", default=[], help="validation step that is only reported")
    add(
        "--check-timeout",
        metavar="S",
        type=interval,
        default=60.0,
        help="limit of each validation step (default 60)",
    )
    add(
        "--benchmark",
        metavar="S",
        type=seconds,
        default=None,
        help="processor time of the DB12 benchmark; 0: none (1 where there is a monitor)",
    )


def read_options(arguments: List[str]) -> Tuple[argparse.Namespace, List[str]]:
    """Return the options and the words that are for what is run; raises `UsageError`."""
    line = parser()
    own = arguments
    behind: List[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        own, behind = arguments[:at], arguments[at + 1 :]
    options, others = line.parse_known_args(own)
    options.steps = [read_step(text, required=True) for text in options.require]
    options.steps += [read_step(text, required=False) for text in options.advise]
    try:
        options.command = shlex.split(options.command)
    except ValueError as error:
        raise UsageError("--command: %s" % error) from error
    if options.wrappermode not in ("", "dryrun"):
        raise UsageError("--wrappermode: only dryrun is known, got %r" % options.wrappermode)
    return options, others + behind


def refuse_others(others: List[str]) -> None:
    """Refuse words that nobody takes; those for wrappers of other makes are passed over."""
    of_wrapper = False
    for word in others:
        if word.startswith("-"):
            if not word.startswith("--wrapper"):
                raise UsageError("unknown option %s" % word)
            of_wrapper = "=" not in word
        elif not of_wrapper:
            raise UsageError("unexpected word %r" % word)
        else:
            # the value of the option before it; a second word would not be
            of_wrapper = False


def needed(options: argparse.Namespace, *names: str) -> None:
    """Refuse a command line without these options; raises `UsageError`."""
    missing = [name for name in names if not getattr(options, name.lstrip("-").replace("-", "_"))]
    if missing:
        raise UsageError("the source %s needs %s" % (options.wrapperplugin, ", ".join(missing)))


def limit(value: Optional[float], default: float) -> float:
    """Return what was told, or the default."""
    return default if value is None else value
