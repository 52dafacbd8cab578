"""Every verb explains itself, and docs/reference/cli.md says the same."""

from pathlib import Path
from typing import Any

import pytest
from cli_world import apf
from typer.main import get_command

from autopyfactory.cli.app import app
from autopyfactory.cli.reference import reference, verbs

PAGE = Path(__file__).parents[3] / "docs/reference/cli.md"
_GROUPS = ("", " board", " config", " db", " logs", " monitor", " notify", " token", " web", " wrapper")
GROUPS = {f"apf{group}" for group in _GROUPS}
VERBS = dict(verbs(get_command(app), "apf"))


def test_the_page_is_what_the_command_line_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: python -m autopyfactory.cli.reference > docs/reference/cli.md"
    )


def test_all_verbs_are_there() -> None:
    wanted = ["demo", "init", "check", "run", "status", "queues", "pilots", "explain", "sched", "logs"]
    wanted += ["board serve", "board submit", "board jobs", "logs show", "logs grep"]
    wanted += ["drain", "resume", "downtime", "token create", "token list", "token revoke", "web serve"]
    wanted += ["reload", "config show", "config diff"]
    wanted += ["db upgrade", "db version", "db copy", "db prune"]
    assert {f"apf {verb}" for verb in wanted} <= VERBS.keys()


@pytest.mark.parametrize("path", sorted(VERBS.keys() - GROUPS))
def test_a_verb_explains_itself(path: str) -> None:
    shown = apf(*path.split()[1:], "--help", width=200).out
    assert "Examples:" in shown
    assert f"$ {path}" in shown or f" {path}" in shown
    assert "Exit status:" in shown
    for status in ("0  ", "1  ", "2  "):
        assert status in shown


@pytest.mark.parametrize(("path", "verb"), sorted(VERBS.items()))
def test_every_option_says_what_it_does(path: str, verb: Any) -> None:
    for parameter in verb.params:
        assert parameter.help, f"{path} {parameter.opts} has no help"


@pytest.mark.parametrize("path", sorted(VERBS.keys() - GROUPS))
def test_verbs_that_print_a_table_have_json(path: str) -> None:
    tables = {"status", "queues", "pilots", "explain", "sched", "check", "run", "demo", "board jobs"}
    if path.removeprefix("apf ") in tables:
        assert any("--json" in parameter.opts for parameter in VERBS[path].params)
