"""Every option, step and exit code of the wrapper is documented, and every documented one exists."""

import re
from pathlib import Path

from autopyfactory.wrapper import exits
from autopyfactory.wrapper.options import parser
from autopyfactory.wrapper.validation.steps import STEPS

PAGE = (Path(__file__).parents[3] / "docs/reference/wrapper.md").read_text()


def _section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_options() -> None:
    known = {option for action in parser()._actions for option in action.option_strings}
    rows = [line.split("|")[1] for line in _section("Options").splitlines() if line.startswith("| `")]
    assert {option for row in rows for option in re.findall(r"--[a-z-]+", row)} == known


def test_steps() -> None:
    assert set(re.findall(r"^\| `([a-z]+)[\[=`]", _section("Validation"), re.MULTILINE)) == set(STEPS)


def test_exit_codes() -> None:
    codes = {
        value for name, value in vars(exits).items() if name.startswith("EXIT_") and isinstance(value, int)
    }
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", _section("Exit codes"), re.MULTILINE)} == codes
