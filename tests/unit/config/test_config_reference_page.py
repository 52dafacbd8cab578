"""docs/reference/configuration.md documents every setting, and every documented one exists."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from autopyfactory.api import NoticeThresholds, NotifySettings
from autopyfactory.config import (
    BatchEndpointSettings,
    EndpointSettings,
    FactorySettings,
    LifeSettings,
    MonitorSettings,
    PilotSettings,
    QueueSettings,
    RetireSettings,
    WebSettings,
)

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def rows(heading: str) -> dict[str, str]:
    """Return the default of every key in the table under a heading, as it is written there."""
    (section,) = re.findall(
        rf"^## {re.escape(heading)}$(.*?)(?=^##)", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", section, re.MULTILINE))


def written(value: Any) -> str:
    match value:
        case None:
            return "none"
        case BaseModel():
            return "`{}`"
        case SecretStr():
            return written(value.get_secret_value())
        case Path():
            return written(str(value))
        case _:
            return f"`{json.dumps(value, default=str)}`"


def defaults(model: type[BaseModel]) -> dict[str, str]:
    return {
        name: "needed" if field.is_required() else written(field.get_default(call_default_factory=True))
        for name, field in model.model_fields.items()
    }


@pytest.mark.parametrize(
    ("heading", "model", "beside"),
    [
        ("[factory]", FactorySettings, {}),
        ("[web]", WebSettings, {}),
        ("[wms.NAME]", EndpointSettings, {}),
        ("[monitor.NAME]", MonitorSettings, {}),
        ("[notices]", NoticeThresholds, {}),
        ("[notify.NAME]", NotifySettings, {}),
        ("[queues.NAME]", QueueSettings, {"extends": "none", "sched": "needed"}),
        ("The pilot", PilotSettings, {}),
        ("The life of a pilot", LifeSettings, {}),
        ("Retiring", RetireSettings, {}),
    ],
)
def test_every_setting_with_its_default(heading: str, model: type[BaseModel], beside: dict[str, str]) -> None:
    assert rows(heading) == {**beside, **defaults(model)}


def test_batch_endpoints_take_what_wms_endpoints_take_and_more() -> None:
    assert {**rows("[wms.NAME]"), **rows("[batch.NAME]")} == defaults(BatchEndpointSettings)
