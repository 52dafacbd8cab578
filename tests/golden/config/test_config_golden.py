"""Whole configurations: TOML in, the effective tree or every problem out."""

import json
import shutil
from pathlib import Path

import pytest
from config_folder import Folder

from autopyfactory.api import ConfigError
from autopyfactory.bundle import wrapper_path
from autopyfactory.config import load, show

HERE = Path(__file__).parent
ENVIRON = {"APF_STORE": "postgresql://apf:golden-password@db.example.org/apf", "SITE_KEY": "golden-key"}


@pytest.fixture
def paths(folder: Folder, request: pytest.FixtureRequest) -> list[Path]:
    """Copy a configuration into the working directory, and name its file and its directory."""
    shutil.copytree(HERE / request.param, folder.path, dirs_exist_ok=True)
    return [Path("apf.toml"), Path("queues.d")]


def placed(text: str, base: Path) -> str:
    """Take out what differs from machine to machine."""
    text = text.replace(str(base), "BASE")
    return text.replace(str(wrapper_path(Path("BASE/state"))), "BASE/state/wrapper-HASH")


@pytest.mark.parametrize("paths", ["whole"], indirect=True)
def test_the_effective_configuration(paths: list[Path], folder: Folder) -> None:
    shown = json.dumps(show(load(paths, ENVIRON)), indent=2, ensure_ascii=False)
    assert placed(shown, folder.path) + "\n" == (HERE / "whole.json").read_text()
    assert "golden" not in shown


@pytest.mark.parametrize("paths", ["wrong"], indirect=True)
def test_everything_wrong(paths: list[Path], folder: Folder) -> None:
    with pytest.raises(ConfigError) as caught:
        load(paths, {})
    told = placed(str(caught.value), folder.path)
    assert told + "\n" == (HERE / "wrong.txt").read_text()
    assert "never shown" not in told
