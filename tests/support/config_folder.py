"""A folder to write configurations into, and endpoints for them that never change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr, field_validator

from autopyfactory import api
from autopyfactory.api import ConfigError, Kind, PluginBroken, Settings, UnknownPlugin, did_you_mean
from autopyfactory.config import Config, QueueConfig, load, plugins
from autopyfactory.model import QueueName


class RemoteSettings(Settings):
    url: str | None = None
    token: SecretStr | None = None
    retries: int = Field(default=3, ge=0)
    timeout_s: float = 30
    ca_file: Path | None = None
    status_map: Mapping[str, str] = {}

    @field_validator("token")
    @classmethod
    def _no_blank(cls, token: SecretStr | None) -> SecretStr | None:
        if token and " " in token.get_secret_value():
            raise ValueError(f"the token {token.get_secret_value()} holds a blank")
        return token


class Remote:
    Settings = RemoteSettings


class ClusterSettings(Settings):
    scratch: Path = Path("scratch")
    options: Mapping[str, str] = {}


class Cluster:
    Settings = ClusterSettings


_FAKES: Mapping[Kind, Mapping[str, type[Any]]] = {
    Kind.WMS: {"remote": Remote},
    Kind.BATCH: {"cluster": Cluster},
}


@pytest.fixture
def fake_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let configurations name a WMS plugin ``remote`` and a batch plugin ``cluster``, and no other.

    Their settings never change, whatever becomes of the plugins that exist.
    """

    def find_plugin(kind: Kind, name: str) -> type[Any]:
        known = _FAKES.get(kind)
        if known is None:
            return api.find_plugin(kind, name)
        if name == "broken":
            raise PluginBroken(f"{kind} plugin 'broken' of some-package declares no settings model")
        if name not in known:
            raise UnknownPlugin(kind, name, did_you_mean(name, known), list(known))
        return known[name]

    def plugin_name(kind: Kind, name: str) -> str:
        return name if kind in _FAKES else api.plugin_name(kind, name)

    def plugin_names(kind: Kind) -> tuple[str, ...]:
        return tuple(_FAKES[kind]) if kind in _FAKES else api.plugin_names(kind)

    monkeypatch.setattr(plugins, "find_plugin", find_plugin)
    monkeypatch.setattr(plugins, "plugin_name", plugin_name)
    monkeypatch.setattr(plugins, "plugin_names", plugin_names)


BASE = """
[factory]
id = "test"
[wms.w]
plugin = "remote"
url = "http://wms"
[batch.b]
plugin = "cluster"
[profiles.base]
wms = "w"
batch = "b"
sched = ["ready"]
"""


class Folder:
    """A folder that is also the working directory, so that problems name files by their bare names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return Path(name)

    def load(self, text: str, environ: Mapping[str, str] | None = None, *, base: str = BASE) -> Config:
        return load([self.write("apf.toml", base + text)], environ or {})

    def queue(self, text: str, environ: Mapping[str, str] | None = None) -> QueueConfig:
        """Load ``[queues.Q]`` with these lines."""
        config = self.load(f'[queues.Q]\nextends = "base"\n{text}', environ)
        return config.queues[QueueName("Q")]

    def problems(self, text: str, environ: Mapping[str, str] | None = None, *, base: str = BASE) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(text, environ, base=base)
        return [str(problem).removeprefix("apf.toml ") for problem in caught.value.problems]

    def problem(self, text: str, environ: Mapping[str, str] | None = None, *, base: str = BASE) -> str:
        """Return the only problem."""
        (problem,) = self.problems(text, environ, base=base)
        return problem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_endpoints: None) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)
