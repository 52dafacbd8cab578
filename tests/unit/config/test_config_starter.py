"""The configuration that newcomers start with, on the plugins that it names."""

import re
from pathlib import Path

from autopyfactory.api import Kind, find_plugin
from autopyfactory.config import load, load_chains, starter

ENVIRON: dict[str, str] = {}


def test_it_is_valid_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "apf.toml"
    file.write_text(starter(), encoding="utf-8")
    config = load([file], ENVIRON)
    ((name, queue),) = config.queues.items()
    assert (name, queue.settings.wms, queue.settings.batch) == ("main", "board", "local")
    assert config.wms["board"].plugin is find_plugin(Kind.WMS, "board")
    assert config.batch["local"].plugin is find_plugin(Kind.BATCH, "local")
    assert queue.spec.arguments[:2] == ("--wrapperserverurl", "http://127.0.0.1:25080")
    assert config.factory.store.get_secret_value() == f"sqlite:///{tmp_path}/apf.db"
    assert load_chains([file], ENVIRON) == {"main": queue.chain}


def test_every_line_that_is_commented_out_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "apf.toml"
    text, lines = re.subn(r"^# (?=\w+ = )", "", starter(), flags=re.MULTILINE)
    assert lines >= 5
    file.write_text(text, encoding="utf-8")
    config = load([file], ENVIRON)
    assert config.factory.max_per_factory == 100
