"""``apf board``: the built-in workload queue, for those without a WMS."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import SecretStr

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.ages import ago
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.logging_setup import LogFormat, LogLevel, set_up_logging
from autopyfactory.cli.common.options import JsonOption
from autopyfactory.cli.common.output import Column, err, number, out, print_json, say, table
from autopyfactory.cli.common.stopping import orderly_stop
from autopyfactory.cli.job_specs import INDEX_VARIABLE, environment_of, jobs_in, jobs_of

if TYPE_CHECKING:
    # FastAPI and SQLAlchemy are loaded by the verbs that need them, not by "apf --help"
    from collections.abc import Awaitable, Callable, Sequence

    from autopyfactory.board import BoardClient, JobInfo

T = TypeVar("T")

ABOUT = "The built-in workload queue, for those without a WMS: serve it, submit jobs, look at them."
SERVE_EXAMPLES = (
    "apf board serve",
    "apf board serve --host 0.0.0.0 --port 25080 --database /var/lib/autopyfactory/board.db",
)
SUBMIT_EXAMPLES = (
    "apf board submit --queue main -- /bin/sh -c 'echo hello > result.json'",
    "apf board submit --queue main --count 100 --input simulate.py -- python3 simulate.py",
    "apf board submit --file jobs.json --json",
)
JOBS_EXAMPLES = (
    "apf board jobs",
    "apf board jobs --queue main --status failed",
    "apf board jobs 17 18 --json | jq -r '.jobs[].result'",
)

UrlOption = Annotated[str, typer.Option(envvar="APF_BOARD_URL", help="Where the board listens.")]
TokenOption = Annotated[
    str | None,
    typer.Option(
        envvar="APF_BOARD_TOKEN",
        help="What every caller must send; better given by the environment than on the command line.",
        show_default=False,
    ),
]
DEFAULT_URL = "http://127.0.0.1:25080"


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 25080,
    database: Annotated[Path, typer.Option(metavar="FILE", help="SQLite file that keeps the jobs.")] = Path(
        "board.db"
    ),
    lease: Annotated[
        float,
        typer.Option(
            min=1, metavar="SECONDS", help="A job whose pilot is silent that long goes back to the queue."
        ),
    ] = 120.0,
    token: TokenOption = None,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look, on stderr.")] = LogFormat.TEXT,
) -> None:
    """Serve the board until SIGTERM or Ctrl-C.

    It speaks a subset of the PanDA API v1, so a factory and a pilot written for PanDA work with it.  What
    it has confirmed survives kill -9.  It listens on this machine only, unless told otherwise.  Its URL is
    printed on stdout once it answers.
    """
    from autopyfactory.board import create_app
    from autopyfactory.board import serve as serve_app

    set_up_logging(log_level, log_format)

    async def serving() -> None:
        stop = asyncio.Event()
        app = create_app(database, lease_s=lease, token=token)
        with orderly_stop(stop.set):
            await serve_app(app, host, port, ready=typer.echo, stop=stop)

    asyncio.run(serving())


def submit(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="What the job runs, with its arguments; no shell reads it.",
            show_default=False,
        ),
    ] = None,
    queue: Annotated[str, typer.Option("--queue", "-q", help="WMS queue whose pilots may take it.")] = "main",
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", min=1, help=f"That many jobs; {INDEX_VARIABLE} tells each which it is, from 0."
        ),
    ] = 1,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="A JSON list of jobs instead of a command; - is stdin.",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", metavar="FILE", help="A small file sent along; may be given several times."),
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VALUE", help="Added to the job's environment; may be repeated."),
    ] = None,
    cores: Annotated[int, typer.Option(min=1, help="Cores of each job.")] = 1,
    memory_mb: Annotated[int, typer.Option(min=1, help="Memory of each job, in MB.")] = 1000,
    priority: Annotated[int, typer.Option(help="The highest goes first.")] = 0,
    attempts: Annotated[int, typer.Option(min=1, max=100, help="How often it is started at most.")] = 3,
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit jobs to a board, and print their ids.

    A job is a command with its arguments.  It runs in a directory of its own on whichever node a pilot
    found; what it leaves in result.json, at most 64 KiB, comes back and is shown by "apf board jobs ID".
    Options come before the command; all that follows it belongs to it.
    """
    if (file is None) == (not command):
        raise UsageProblem("name either a command, or a list of jobs with --file")
    common = {
        "queue": queue,
        "environment": environment_of(environment or []),
        "cores": cores,
        "memory_mb": memory_mb,
        "priority": priority,
        "max_attempts": attempts,
        "name": name,
    }
    specs = jobs_in(file) if file else jobs_of(command or [], count, inputs or [], common)
    with err().status(f"submitting {len(specs)} jobs …"):
        ids = _with_board(url, token, lambda board: board.submit(specs))
    if as_json:
        print_json({"job_ids": ids})
    else:
        say("\n".join(str(job_id) for job_id in ids))


def jobs(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="ID", help="Only these jobs, with what they left as result.", show_default=False
        ),
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="Only jobs of this WMS queue.")] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", "-s", help="Only jobs in this status of PanDA's, for example activated."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the jobs of a board, the newest first; with ids: what became of those, results included.

    activated waits for a pilot; sent, starting and running are with one; finished, failed and cancelled are
    over.
    """
    from autopyfactory.board import JobStatus

    if ids:
        found = _with_board(url, token, lambda board: board.status(ids))
        document = [state.model_dump(mode="json") for state in found]
        if as_json:
            print_json({"jobs": document})
            return
        out().print(
            table(
                [
                    number("job"),
                    Column("status"),
                    number("attempt"),
                    number("exit"),
                    Column("result or trouble"),
                ],
                [
                    (
                        s.job_id,
                        s.status,
                        s.attempt,
                        "" if s.exit_code is None else s.exit_code,
                        s.result or s.diag,
                    )
                    for s in found
                ],
            )
        )
        return
    if status is not None and status not in set(JobStatus):
        raise UsageProblem(f'no job status is called "{status}"; there are: {", ".join(JobStatus)}')
    wanted = JobStatus(status) if status else None
    listed = _with_board(url, token, lambda board: board.jobs(queue=queue, status=wanted, limit=limit))
    if as_json:
        print_json({"jobs": [job.model_dump(mode="json") for job in listed]})
    else:
        _list(listed)


def _list(listed: "Sequence[JobInfo]") -> None:
    now = SystemClock().now()
    out().print(
        table(
            [number("job"), Column("queue"), Column("name"), Column("status"), number("priority"),
             number("attempt"), Column("changed"), Column("node"), number("exit"), Column("trouble")],
            [
                (
                    job.job_id,
                    job.queue,
                    job.name,
                    job.status,
                    job.priority,
                    f"{job.attempt}/{job.max_attempts}",
                    ago(job.changed_at, now),
                    job.node,
                    "" if job.exit_code is None else job.exit_code,
                    job.diag,
                )
                for job in listed
            ],
        )
    )  # fmt: skip


def _with_board(url: str, token: str | None, call: "Callable[[BoardClient], Awaitable[T]]") -> T:
    from autopyfactory.board import BoardClient

    async def called() -> T:
        async with BoardClient(url, token=SecretStr(token) if token else None) as board:
            return await call(board)

    return asyncio.run(called())
