"""The wrapper is Python 3.6 and its standard library, whatever runs the tests."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pilot_process import old_python

import autopyfactory.wrapper

ROOM = Path(autopyfactory.wrapper.__file__).parent
SOURCES = sorted(ROOM.rglob("*.py"))
OURS = "autopyfactory.wrapper"

YOUNGER_MODULES = {"dataclasses", "contextvars", "zoneinfo", "graphlib", "tomllib", "importlib.resources"}
YOUNGER_NAMES = {
    "removeprefix", "removesuffix", "fromisoformat", "time_ns", "monotonic_ns", "prod", "comb", "cache",
    "cached_property", "waitstatus_to_exitcode", "pidfd_open", "nullcontext", "TypedDict", "Protocol",
    "Literal", "Final", "batched", "pairwise", "breakpoint", "anext", "ThreadingHTTPServer", "randbytes",
    "raise_signal", "is_relative_to", "readlink_", "UTC", "get_running_loop", "to_thread", "thread_time",
    "OrderedDict", "data_filter", "extraction_filter", "filter", "TLSVersion", "isascii", "posix_spawn",
}  # fmt: skip
YOUNGER_ARGUMENTS = {
    "capture_output", "missing_ok", "dirs_exist_ok", "process_group", "umask", "extra_groups", "pipesize",
    "strict", "usedforsecurity", "exit_on_error", "delete_on_close", "ignore_cleanup_errors", "text",
    "filter", "defaults", "compresslevel",
}  # fmt: skip


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOM)))
def test_the_syntax_is_that_of_python_3_6(path: Path) -> None:
    """`ast.parse` with that feature version refuses what came later; what it lets pass is looked for here."""
    tree = _tree(path)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.NamedExpr | ast.Match | ast.TryStar)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not node.args.posonlyargs
        if isinstance(node, ast.JoinedStr):
            assert "=}" not in (ast.get_source_segment(path.read_text(), node) or "")
    assert not [line for line in path.read_text().splitlines() if "from __future__" in line]
    assert not re.search(r"^\s*with \($", path.read_text(), re.MULTILINE), "with (a, b): is younger"
    # generics of built-in types as annotations would be evaluated, and fail, on 3.6 to 3.8
    subscripted = [node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    names = {node.id for node in subscripted if isinstance(node, ast.Name)}
    assert not names & {"list", "dict", "tuple", "set", "frozenset", "type", "deque"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOM)))
def test_it_imports_the_standard_library_and_itself_alone(path: Path) -> None:
    imported = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            assert node.level == 0
            imported.add(node.module)
    others = {name for name in imported if name != OURS and not name.startswith(OURS + ".")}
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names
    assert not imported & YOUNGER_MODULES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOM)))
def test_it_uses_nothing_younger_than_python_3_6(path: Path) -> None:
    tree = _tree(path)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    shlex_names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "shlex"
    }
    assert not (attributes | names) & YOUNGER_NAMES
    assert not arguments & YOUNGER_ARGUMENTS
    assert "join" not in shlex_names


IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


@pytest.mark.skipif(old_python() is None, reason="no Python 3.6 on this machine")
def test_a_real_python_3_6_imports_every_module(tmp_path: Path) -> None:
    package = tmp_path / "autopyfactory"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "wrapper").symlink_to(ROOM)
    modules = [
        ".".join([OURS, *path.relative_to(ROOM).with_suffix("").parts]).removesuffix(".__init__")
        for path in SOURCES
    ]
    python = old_python()
    assert python
    done = subprocess.run(
        [python, "-B", "-I", "-S", "-W", "error", "-c", IMPORT_ALL, str(tmp_path), *modules],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
