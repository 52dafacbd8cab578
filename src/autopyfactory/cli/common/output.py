"""Everything that reaches the terminal: one JSON document, or tables and sentences."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Literal

import typer
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

UNKNOWN = "?"
"""How a number that nobody knows is shown.  Never as 0."""

Cell = str | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    align: Literal["left", "right"] = "left"
    whole: bool = False
    """Never wrapped: identities that people copy."""
    least: int = 4
    """Narrower than this it does not become, so that no word is read letter by letter."""


def number(title: str) -> Column:
    """Return a right-aligned column; a None in it is shown as ``?``."""
    return Column(title, align="right", least=1)


def plural(n: int, word: str) -> str:
    """Return ``1 queue`` or ``2 queues``."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def out() -> Console:
    """Return the console for results.  Made anew, since tests and pagers replace ``sys.stdout``."""
    return Console(highlight=False, soft_wrap=False)


def err() -> Console:
    """Return the console for messages and progress, on stderr."""
    return Console(stderr=True, highlight=False)


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], title: str = "") -> RenderableType:
    """Return a table; cells are plain text, whatever brackets they hold.

    Where the terminal is too narrow for it, every row becomes a list of its cells, one line each.
    """
    lines = [[_cell(value) for value in row] for row in rows]
    if out().width < _least_width(columns, lines):
        return _lists(columns, lines, title)
    shown = Table(
        box=box.SIMPLE_HEAD, title=title or None, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False
    )
    for column in columns:
        shown.add_column(
            column.title,
            min_width=column.least,
            justify=column.align,
            no_wrap=column.whole,
            overflow="fold",
        )
    for line in lines:
        shown.add_row(*line)
    return shown


def _least_width(columns: Sequence[Column], lines: Sequence[Sequence[Text]]) -> int:
    widths = []
    for index, column in enumerate(columns):
        cells = [line[index].cell_len for line in lines if column.whole or column.align == "right"]
        widths.append(max([column.least, *map(len, column.title.split()), *cells]))
    return sum(widths) + 2 * len(columns)


def _lists(columns: Sequence[Column], lines: Sequence[Sequence[Text]], title: str) -> RenderableType:
    parts: list[RenderableType] = [Text(title, style="italic")] if title else []
    for line in lines:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold")
        grid.add_column(overflow="fold")
        for column, cell in zip(columns, line, strict=True):
            if cell.plain:
                grid.add_row(column.title, cell)
        parts += [Text(), grid]
    return Group(*parts, Text())


def say(text: str, style: str = "", *, in_one_line: bool = False) -> None:
    """Print a sentence on stdout; ``in_one_line`` where it is to be copied, however narrow the terminal."""
    out().print(Text(text, style=style), soft_wrap=in_one_line)


def note(text: str) -> None:
    """Print a remark on stderr, where it disturbs no document on stdout."""
    err().print(Text(text))


def print_json(document: object) -> None:
    """Print exactly one JSON document on stdout."""
    typer.echo(json.dumps(jsonable(document), indent=2, ensure_ascii=False))


def jsonable(value: object) -> object:
    """Return values of ``model`` as JSON has them: times in ISO 8601, enums and paths as text."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case Path():
            return str(value)
        case Mapping():
            return {str(jsonable(key)): jsonable(item) for key, item in value.items()}
        case tuple() | list() | set() | frozenset():
            return [jsonable(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


def _cell(value: Cell) -> Text:
    return Text(UNKNOWN, style="yellow") if value is None else Text(str(value))
