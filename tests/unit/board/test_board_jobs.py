import base64
from typing import Any

import pytest
from pydantic import ValidationError

from autopyfactory.board import InputFile, JobSpec
from autopyfactory.board.jobs import FINAL, LEASED, MAX_FILE_BYTES, JobStatus

GOOD: dict[str, Any] = {"queue": "BNL_MCORE", "command": "/bin/echo"}


def test_defaults_are_a_small_job_that_is_tried_three_times() -> None:
    spec = JobSpec.model_validate(GOOD)
    assert (spec.cores, spec.memory_mb, spec.priority, spec.max_attempts) == (1, 1000, 0, 3)
    assert spec.arguments == ()
    assert dict(spec.environment) == {}


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("queue", "", "pattern"),
        ("queue", "a b", "pattern"),
        ("command", "", "at least 1 item"),
        ("command", "a\0b", "NUL"),
        ("arguments", ["a\0b"], "NUL"),
        ("arguments", "echo hello", "tuple"),
        ("environment", {"A=B": "c"}, "pattern"),
        ("environment", {"A": "b\0"}, "NUL"),
        ("cores", 0, "greater than or equal to 1"),
        ("memory_mb", 0, "greater than or equal to 1"),
        ("max_attempts", 0, "greater than or equal to 1"),
        ("priority", 2**40, "less than or equal"),
        ("prioritiy", 1, "Extra inputs"),
        ("inputs", [{"name": "../x", "data": ""}], "pattern"),
        ("inputs", [{"name": ".profile", "data": ""}], "pattern"),
        ("inputs", [{"name": "a/b", "data": ""}], "pattern"),
        ("inputs", [{"name": "a", "data": "?"}], "base64"),
        ("inputs", [{"name": "a", "data": ""}, {"name": "a", "data": ""}], "same name"),
    ],
)
def test_refuses(key: str, value: object, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        JobSpec.model_validate({**GOOD, key: value})


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000])
def test_an_input_file_knows_its_size(size: int) -> None:
    file = InputFile.of("data.bin", b"\xff" * size)
    assert file.size == size
    assert base64.b64decode(file.data) == b"\xff" * size


def test_a_file_may_have_a_mebibyte_and_no_more() -> None:
    assert InputFile.of("full", bytes(MAX_FILE_BYTES)).size == MAX_FILE_BYTES
    for more in (1, 3):
        with pytest.raises(ValidationError):
            InputFile.of("over", bytes(MAX_FILE_BYTES + more))


def test_the_files_of_a_job_are_bounded_together() -> None:
    files = [InputFile.of(f"f{n}", bytes(MAX_FILE_BYTES)) for n in range(5)]
    JobSpec(queue="Q", command="x", inputs=tuple(files[:4]))
    with pytest.raises(ValidationError, match="at most 4194304"):
        JobSpec(queue="Q", command="x", inputs=tuple(files))


def test_every_status_waits_is_leased_or_is_final() -> None:
    assert {JobStatus.ACTIVATED} | LEASED | FINAL == set(JobStatus)
    assert not LEASED & FINAL
