"""The wrapper is Python 3.6 and its standard library, whatever runs the tests."""

import ast
import subprocess
import sys

import pytest
from pilot_process import PILOT, old_python

SOURCE = PILOT.read_text()
TREE = ast.parse(SOURCE, feature_version=(3, 6))

YOUNGER_MODULES = {"dataclasses", "contextvars", "zoneinfo", "graphlib", "tomllib", "importlib.resources"}
YOUNGER_NAMES = {
    "removeprefix", "removesuffix", "fromisoformat", "time_ns", "monotonic_ns", "prod", "comb", "cache",
    "cached_property", "waitstatus_to_exitcode", "pidfd_open", "nullcontext", "TypedDict", "Protocol",
    "Literal", "Final", "batched", "pairwise", "breakpoint", "anext", "ThreadingHTTPServer", "randbytes",
    "raise_signal", "is_relative_to", "readlink_", "UTC", "get_running_loop", "to_thread",
}  # fmt: skip
YOUNGER_ARGUMENTS = {
    "capture_output", "missing_ok", "dirs_exist_ok", "process_group", "umask", "extra_groups", "pipesize",
    "strict", "usedforsecurity", "exit_on_error", "delete_on_close", "ignore_cleanup_errors",
}  # fmt: skip


def test_the_syntax_is_that_of_python_3_6() -> None:
    """`ast.parse` with that feature version refuses what came later; what it lets pass is looked for here."""
    for node in ast.walk(TREE):
        assert not isinstance(node, ast.NamedExpr | ast.Match | ast.TryStar)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not node.args.posonlyargs
    assert not [line for line in SOURCE.splitlines() if "from __future__" in line]
    # generics of built-in types as annotations would be evaluated, and fail, on 3.6 to 3.8
    subscripted = [node.value for node in ast.walk(TREE) if isinstance(node, ast.Subscript)]
    names = {node.id for node in subscripted if isinstance(node, ast.Name)}
    assert not names & {"list", "dict", "tuple", "set", "frozenset", "type"}


def test_it_imports_the_standard_library_alone() -> None:
    imported = set()
    for node in ast.walk(TREE):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            assert node.level == 0
            imported.add(node.module)
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert not imported & YOUNGER_MODULES


def test_it_uses_nothing_younger_than_python_3_6() -> None:
    attributes = {node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)}
    names = {node.id for node in ast.walk(TREE) if isinstance(node, ast.Name)}
    arguments = {node.arg for node in ast.walk(TREE) if isinstance(node, ast.keyword)}
    shlex_names = {
        node.attr
        for node in ast.walk(TREE)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "shlex"
    }
    assert not (attributes | names) & YOUNGER_NAMES
    assert not arguments & YOUNGER_ARGUMENTS
    assert "join" not in shlex_names


def test_it_is_an_executable_file() -> None:
    assert SOURCE.startswith("#!/usr/bin/env python3\n")
    assert PILOT.stat().st_mode & 0o111 == 0o111
    done = subprocess.run([PILOT, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "3.0\n"


@pytest.mark.skipif(old_python() is None, reason="no Python 3.6 on this machine")
def test_a_real_python_3_6_takes_it() -> None:
    python = old_python()
    assert python
    done = subprocess.run([python, "-I", "-S", PILOT, "--help"], capture_output=True, text=True, check=True)
    assert "exit codes" in done.stdout
