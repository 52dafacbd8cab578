from pathlib import Path

import pytest

from autopyfactory.api import NoticeThresholds, NotifySettings
from autopyfactory.model import NoticeKind
from autopyfactory.notify.apprise import AppriseSettings
from autopyfactory.notify.message import BODY_CHARS, LINES
from autopyfactory.notify.outbox import WAITING

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "notices.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind(kind: NoticeKind) -> None:
    assert f"| `{kind}` |" in PAGE


@pytest.mark.parametrize("model", [NotifySettings, NoticeThresholds, AppriseSettings])
def test_every_setting_with_its_default(
    model: type[NotifySettings] | type[NoticeThresholds] | type[AppriseSettings],
) -> None:
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else field.default
        assert f"| `{name}` | {default if default else 'all'} |" in PAGE


@pytest.mark.parametrize("name", ["apprise", "log"])
def test_every_plugin_of_this_package(name: str) -> None:
    assert f"## Plugin `{name}`" in PAGE


def test_the_limits_of_messages() -> None:
    assert f"{LINES} are\n  told one by one" in PAGE
    assert f"{BODY_CHARS:,} characters" in PAGE
    assert f"Of {WAITING} waiting messages" in PAGE
