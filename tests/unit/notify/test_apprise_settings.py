import logging
import sys

import pytest
from pydantic import ValidationError

import autopyfactory.notify
from autopyfactory.api import Kind, find_plugin, plugin_names
from autopyfactory.notify.apprise import AppriseSettings

# apprise imports it where it is there
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

GOOD = "mailto://localhost?from=apf@example.org&to=ops@example.org"


@pytest.mark.parametrize(
    "bad",
    [
        "mailtoo://apf:open-sesame@example.org",
        "ops@example.org?open-sesame",
        "mailto://localhost?from=apf@example.org&to=open-sesame",
        "mailto://open-sesame",
        "slack://open-sesame",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_telling_it(
    bad: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        AppriseSettings.model_validate({"urls": [GOOD, bad]})
    assert "apprise cannot use the URL number 2" in str(caught.value)
    assert "open-sesame" not in str(caught.value)
    assert not logging.getLogger("apprise").propagate, "its own log would tell the URL"
    assert "open-sesame" not in "".join(capsys.readouterr())


def test_urls_are_secrets() -> None:
    assert "ops@example.org" not in repr(AppriseSettings.model_validate({"urls": [GOOD]}))


def test_at_least_one_url() -> None:
    with pytest.raises(ValidationError):
        AppriseSettings.model_validate({"urls": []})


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "autopyfactory.notify.apprise_services", raising=False)
    monkeypatch.delattr(autopyfactory.notify, "apprise_services", raising=False)
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ValidationError, match=r"pip install 'autopyfactory\[notify\]'"):
        AppriseSettings.model_validate({"urls": [GOOD]})


@pytest.mark.parametrize("name", ["apprise", "log"])
def test_registered(name: str) -> None:
    assert name in plugin_names(Kind.NOTIFY)
    assert find_plugin(Kind.NOTIFY, name).Settings
