"""Options that several verbs take, with one spelling and one help text each."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        "-c",
        envvar="APF_CONFIG",
        metavar="FILE|DIR",
        help="Configuration file, or directory of *.toml; may be given several times. "
        "Left out: ./apf.toml, else /etc/autopyfactory.",
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print exactly one JSON document on stdout, and nothing else.")
]
QueueArgument = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of a factory queue.")]
