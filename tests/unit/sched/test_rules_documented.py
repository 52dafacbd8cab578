"""docs/reference/rules.md tells every rule and every setting, and nothing else."""

import json
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from autopyfactory.api import RuleSettings

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")
IN_TREE: dict[str, type[RuleSettings]] = {
    point.name: point.load()
    for point in entry_points(group="autopyfactory.sched")
    if point.value.startswith("autopyfactory.")
}
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))

by_rule = pytest.mark.parametrize("name", sorted(IN_TREE))


def written(field: FieldInfo) -> str:
    """Return a default as the document writes it."""
    if field.is_required():
        return "required"
    return "none" if field.default is None else f"`{json.dumps(field.default)}`"


def test_every_rule_is_documented_and_every_documented_rule_exists() -> None:
    assert sorted(SECTIONS) == sorted(IN_TREE)


@by_rule
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", SECTIONS[name], re.MULTILINE)
    told = {setting: default for setting, default, _ in rows}
    assert told == {setting: written(field) for setting, field in IN_TREE[name].model_fields.items()}


@by_rule
def test_what_is_unknown_and_the_name_in_apf2_are_documented(name: str) -> None:
    rule, text = IN_TREE[name], SECTIONS[name]
    assert "\nUnknown: " in text
    assert ("Not in APF 2." in text) or (f"`{rule.apf2_name or rule.__name__}`" in text.split("In APF 2:")[1])


@by_rule
def test_every_rule_has_a_docstring_and_described_settings(name: str) -> None:
    rule = IN_TREE[name]
    assert rule.__doc__
    assert rule.__call__.__doc__
    assert [setting for setting, field in rule.model_fields.items() if not field.description] == []


@by_rule
def test_rules_live_in_a_file_of_their_own_name(name: str) -> None:
    assert IN_TREE[name].__module__ == f"autopyfactory.sched.{name}"
