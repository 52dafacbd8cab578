"""Jobs as they are named on the command line of ``apf board submit``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from autopyfactory.cli.common.failure import UsageProblem

if TYPE_CHECKING:
    # FastAPI and SQLAlchemy come with it: loaded when a job is made, not by "apf --help"
    from autopyfactory.board import JobSpec

INDEX_VARIABLE = "APF_JOB_INDEX"
"""Tells each of several equal jobs which it is, from 0."""


def jobs_in(file: Path) -> "list[JobSpec]":
    """Read a JSON list of jobs, from stdin for ``-``; raises `UsageProblem`."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        entries = json.loads(text)
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageProblem(f"{file} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise UsageProblem(f"{file}: expected a list of jobs, got {type(entries).__name__}")
    return [_job(entry, f"{file}[{i}]") for i, entry in enumerate(entries)]


def jobs_of(
    command: Sequence[str], count: int, inputs: Sequence[Path], common: dict[str, Any]
) -> "list[JobSpec]":
    """Return that many jobs of a command, which differ in `INDEX_VARIABLE`; raises `UsageProblem`.

    ``common`` holds the other fields of `JobSpec`, its environment among them.
    """
    files = [_input(file) for file in inputs]
    return [
        _job(
            {
                **common,
                "command": command[0],
                "arguments": command[1:],
                "inputs": files,
                "environment": {**common["environment"], INDEX_VARIABLE: str(index)},
            },
            "the job",
        )
        for index in range(count)
    ]


def _job(entry: object, place: str) -> "JobSpec":
    from autopyfactory.board import JobSpec

    try:
        return JobSpec.model_validate(entry)
    except ValidationError as error:
        raise UsageProblem("\n  ".join([f"{place} cannot be submitted:", *_problems(error)])) from error


def _input(file: Path) -> object:
    from autopyfactory.board import InputFile

    try:
        return InputFile.of(file.name, file.read_bytes(), executable=file.stat().st_mode & 0o100 != 0)
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageProblem("\n  ".join([f"{file} cannot be sent along:", *_problems(error)])) from error


def _problems(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(part) for part in problem['loc']) or 'it'}: {problem['msg']}"
        for problem in error.errors()
    ]


def environment_of(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` words; raises `UsageProblem`."""
    environment = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageProblem(f'--env: expected NAME=VALUE, got "{pair}"')
        environment[name] = value
    return environment
