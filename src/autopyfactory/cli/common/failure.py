"""Errors become one sentence on stderr and an exit status; never a traceback."""

from collections.abc import Iterator
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from autopyfactory.api import AutoPyFactoryError, ConfigError
from autopyfactory.cli.common.manual import EXIT_FAILURE, EXIT_USAGE
from autopyfactory.cli.common.output import err


class UsageProblem(Exception):
    """What was typed cannot be meant: exit status 2."""


class Failure(Exception):
    """What was asked for could not be done: exit status 1."""


class Verbs(TyperGroup):
    """The group of all verbs: turns errors meant for operators into messages and exit statuses."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            _complain(_counted(error), [str(problem) for problem in error.problems])
            raise typer.Exit(EXIT_USAGE) from error
        except UsageProblem as error:
            _complain(str(error))
            raise typer.Exit(EXIT_USAGE) from error
        except (AutoPyFactoryError, Failure) as error:
            _complain(str(error))
            raise typer.Exit(EXIT_FAILURE) from error
        except ExceptionGroup as group:
            # tasks that run side by side, as those of a factory, fail together
            known, rest = group.split(AutoPyFactoryError)
            if known is None or rest is not None:
                raise
            for text in dict.fromkeys(str(error) for error in _members(known)):
                _complain(text)
            raise typer.Exit(EXIT_FAILURE) from group


def _members(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _members(error)
        else:
            yield error


def _counted(error: ConfigError) -> str:
    n = len(error.problems)
    return f"the configuration cannot be used: {n} problem{'s' if n != 1 else ''}"


def _complain(text: str, details: list[str] | None = None) -> None:
    console = err()
    # soft_wrap: a long path or key stays in one piece, so that it can be copied and grepped
    console.print(Text.assemble(("apf: ", "bold red"), text), soft_wrap=True)
    for detail in details or []:
        console.print(Text(f"  {detail}"), soft_wrap=True)
