"""docs/reference/monitor.md says what the code does."""

import json
import re
from pathlib import Path

from autopyfactory.model import monitor_life
from autopyfactory.model.monitor import MESSAGE_CHARACTERS
from autopyfactory.monitor.settings import ApfMonitorSettings
from autopyfactory.web.monitor import documents
from autopyfactory.web.monitor.bodies import FactoryBody, JobBody, LabelBody
from autopyfactory.web.monitor.routes import MAX_JOBS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "monitor.md").read_text(encoding="utf-8")


def test_every_setting_with_its_default() -> None:
    written = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", PAGE, re.MULTILINE))
    defaults = {
        name: "required" if field.is_required() else json.dumps(field.default)
        for name, field in ApfMonitorSettings.model_fields.items()
    }
    assert written == defaults


def test_every_key_that_is_taken() -> None:
    for model in (FactoryBody, LabelBody, JobBody):
        for key in model.model_fields:
            assert re.search(rf"\b{key}\b", PAGE), key


def test_the_limits() -> None:
    assert f"{MESSAGE_CHARACTERS:,} characters" in PAGE
    assert f"{MAX_JOBS:,} at most" in PAGE
    assert documents.ACTIVE_FOR.days == 10
    hours = {
        "`created` | 6 h": monitor_life.CREATED_FLAGGED_AFTER,
        "`running` | 72 h": monitor_life.RUNNING_FLAGGED_AFTER,
        "since | 24 h": monitor_life.FLAGGED_FAULT_AFTER,
    }
    for words, limit in hours.items():
        assert words in PAGE
        assert words.endswith(f"| {limit.total_seconds() / 3600:g} h")
    assert "`exiting` | 30 min" in PAGE
    assert monitor_life.EXITING_DONE_AFTER.total_seconds() == 30 * 60
