"""The command line as a whole: every verb and where it is found in the help."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from autopyfactory.cli import (
    board,
    check,
    config,
    db,
    explain,
    hosts,
    init,
    log_grep,
    logs,
    monitor,
    notify,
    operate,
    pilots,
    queues,
    reload,
    run,
    sched,
    status,
    token,
    web,
    wrapper,
)
from autopyfactory.cli.common.failure import Verbs
from autopyfactory.cli.common.groups import WithDefault
from autopyfactory.cli.common.manual import manual
from autopyfactory.cli.demo import verb as demo
from autopyfactory.cli.report import verb as report

START, LOOK, WORK = "Start here", "See what is going on", "Look after it"

app = typer.Typer(
    name="apf",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"apf {version('autopyfactory')}")
        raise typer.Exit


@app.callback()
def apf(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """AutoPyFactory: a pilot factory.  It keeps every compute site supplied with just the pilots it needs.

    Results go to stdout, messages to stderr.  Every verb explains itself: apf VERB --help.
    """


def _add(
    group: typer.Typer,
    panel: str | None,
    name: str,
    verb: Callable[..., object],
    examples: Sequence[str],
    exits: Mapping[int, str] | None = None,
    *,
    ends_with_command: bool = False,
) -> None:
    """Add a verb; ``ends_with_command``: what follows its first argument is somebody else's, options too."""
    settings = {"allow_interspersed_args": not ends_with_command}
    text = manual(verb, examples, exits)
    group.command(name, help=text, rich_help_panel=panel, context_settings=settings)(verb)


_add(app, START, "demo", demo.demo, demo.EXAMPLES, demo.EXITS)
_add(app, START, "init", init.init, init.EXAMPLES)
_add(app, START, "check", check.check, check.EXAMPLES, check.EXITS)
_add(app, START, "run", run.run, run.EXAMPLES)
_add(app, LOOK, "status", status.status, status.EXAMPLES)
_add(app, LOOK, "queues", queues.queues, queues.EXAMPLES)
_add(app, LOOK, "pilots", pilots.pilots, pilots.EXAMPLES)
_add(app, LOOK, "hosts", hosts.hosts, hosts.EXAMPLES)
_add(app, LOOK, "explain", explain.explain, explain.EXAMPLES)
_add(app, LOOK, "report", report.report, report.EXAMPLES, report.EXITS)
_add(app, LOOK, "sched", sched.sched, sched.EXAMPLES)

_add(app, WORK, "reload", reload.reload, reload.EXAMPLES, reload.EXITS)

_config = typer.Typer(no_args_is_help=True, help=config.ABOUT)
_add(_config, None, "show", config.show, config.SHOW_EXAMPLES)
_add(_config, None, "diff", config.diff_, config.DIFF_EXAMPLES)
app.add_typer(_config, name="config", rich_help_panel=WORK)

_logs = typer.Typer(cls=WithDefault, no_args_is_help=True, help=logs.ABOUT)
_add(_logs, None, "show", logs.logs, logs.EXAMPLES)
_add(_logs, None, "grep", log_grep.grep, log_grep.EXAMPLES, log_grep.EXITS)
app.add_typer(_logs, name="logs", rich_help_panel=LOOK)

_add(app, WORK, "drain", operate.drain, operate.DRAIN_EXAMPLES)
_add(app, WORK, "resume", operate.resume, operate.RESUME_EXAMPLES)
_add(app, WORK, "downtime", operate.downtime, operate.DOWNTIME_EXAMPLES)
_add(app, WORK, "retire", operate.retire, operate.RETIRE_EXAMPLES)

_web = typer.Typer(no_args_is_help=True, help=web.ABOUT)
_add(_web, None, "serve", web.serve, web.SERVE_EXAMPLES)
app.add_typer(_web, name="web", rich_help_panel=WORK)

_token = typer.Typer(no_args_is_help=True, help=token.ABOUT)
_add(_token, None, "create", token.create, token.CREATE_EXAMPLES)
_add(_token, None, "list", token.listing, token.LIST_EXAMPLES)
_add(_token, None, "revoke", token.revoke, token.REVOKE_EXAMPLES)
app.add_typer(_token, name="token", rich_help_panel=WORK)

_monitor = typer.Typer(no_args_is_help=True, help=monitor.ABOUT)
_add(_monitor, None, "serve", monitor.serve, monitor.SERVE_EXAMPLES)
app.add_typer(_monitor, name="monitor", rich_help_panel=WORK)

_notify = typer.Typer(no_args_is_help=True, help=notify.ABOUT)
_add(_notify, None, "test", notify.send_test, notify.TEST_EXAMPLES, notify.TEST_EXITS)
app.add_typer(_notify, name="notify", rich_help_panel=WORK)

_board = typer.Typer(no_args_is_help=True, help=board.ABOUT)
_add(_board, None, "serve", board.serve, board.SERVE_EXAMPLES)
_add(_board, None, "submit", board.submit, board.SUBMIT_EXAMPLES, ends_with_command=True)
_add(_board, None, "jobs", board.jobs, board.JOBS_EXAMPLES)
app.add_typer(_board, name="board", rich_help_panel=WORK)

_db = typer.Typer(no_args_is_help=True, help=db.ABOUT)
_add(_db, None, "version", db.version, db.VERSION_EXAMPLES, db.VERSION_EXITS)
_add(_db, None, "upgrade", db.upgrade, db.UPGRADE_EXAMPLES)
_add(_db, None, "copy", db.copy, db.COPY_EXAMPLES)
_add(_db, None, "prune", db.prune, db.PRUNE_EXAMPLES)
app.add_typer(_db, name="db", rich_help_panel=WORK)

_wrapper = typer.Typer(no_args_is_help=True, help=wrapper.ABOUT)
_add(_wrapper, None, "build", wrapper.build, wrapper.BUILD_EXAMPLES)
app.add_typer(_wrapper, name="wrapper", rich_help_panel=WORK)
